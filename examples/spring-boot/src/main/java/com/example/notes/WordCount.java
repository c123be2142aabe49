package com.example.notes;

import org.springframework.context.annotation.Configuration;
import org.springframework.context.annotation.Profile;
import org.springframework.scheduling.annotation.EnableScheduling;
import org.springframework.scheduling.annotation.Scheduled;
import org.springframework.stereotype.Component;
import org.springframework.transaction.annotation.Transactional;

@Component
public class WordCount {

    private final NoteRepository notes;

    public WordCount(NoteRepository notes) {
        this.notes = notes;
    }

    /** Runs on time in a worker alone. */
    @Scheduled(fixedDelayString = "${notes.count-every:1s}")
    @Transactional
    public void count() {
        notes.findUncounted().forEach(Note::countWords);
    }

    @Configuration
    @EnableScheduling
    @Profile("worker")
    static class OnTime {
    }
}
