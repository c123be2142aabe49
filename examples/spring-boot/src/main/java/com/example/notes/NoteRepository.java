package com.example.notes;

import java.util.List;
import org.springframework.data.jpa.repository.JpaRepository;
import org.springframework.data.jpa.repository.Query;

public interface NoteRepository extends JpaRepository<Note, Long> {

    List<Note> findTop20ByOrderByIdDesc();

    /** Several workers may ask at once: each gets notes of its own. */
    @Query(
        value = "SELECT * FROM notes WHERE words IS NULL ORDER BY id LIMIT 100 FOR UPDATE SKIP LOCKED",
        nativeQuery = true)
    List<Note> findUncounted();
}
