package com.example.notes;

import org.springframework.boot.actuate.health.AbstractHealthIndicator;
import org.springframework.boot.actuate.health.Health;
import org.springframework.stereotype.Component;

/**
 * Does what a page does. A new process is asked for its health until it answers fast, so the JVM has
 * compiled that by the first request.
 */
@Component
public class NotesHealth extends AbstractHealthIndicator {

    private final NoteRepository notes;

    public NotesHealth(NoteRepository notes) {
        this.notes = notes;
    }

    @Override
    protected void doHealthCheck(Health.Builder builder) {
        notes.findTop20ByOrderByIdDesc();
        builder.up();
    }
}
