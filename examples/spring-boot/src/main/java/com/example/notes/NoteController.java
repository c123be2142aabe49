package com.example.notes;

import jakarta.validation.Valid;
import jakarta.validation.constraints.NotBlank;
import java.util.List;
import org.springframework.http.HttpStatus;
import org.springframework.http.ResponseEntity;
import org.springframework.web.bind.annotation.GetMapping;
import org.springframework.web.bind.annotation.PathVariable;
import org.springframework.web.bind.annotation.PostMapping;
import org.springframework.web.bind.annotation.RequestBody;
import org.springframework.web.bind.annotation.ResponseStatus;
import org.springframework.web.bind.annotation.RestController;

@RestController
public class NoteController {

    private final NoteRepository notes;

    public NoteController(NoteRepository notes) {
        this.notes = notes;
    }

    @GetMapping("/")
    public List<Note> latest() {
        return notes.findTop20ByOrderByIdDesc();
    }

    @GetMapping("/notes/{id}")
    public ResponseEntity<Note> show(@PathVariable long id) {
        return ResponseEntity.of(notes.findById(id));
    }

    @PostMapping("/notes")
    @ResponseStatus(HttpStatus.CREATED)
    public Note create(@Valid @RequestBody NewNote note) {
        return notes.save(new Note(note.text()));
    }

    public record NewNote(@NotBlank String text) {
    }
}
