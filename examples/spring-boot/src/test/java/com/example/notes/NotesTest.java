package com.example.notes;

import static org.assertj.core.api.Assertions.assertThat;

import java.util.Map;
import org.junit.jupiter.api.Test;
import org.springframework.beans.factory.annotation.Autowired;
import org.springframework.boot.test.context.SpringBootTest;
import org.springframework.boot.test.context.SpringBootTest.WebEnvironment;
import org.springframework.boot.test.web.client.TestRestTemplate;
import org.springframework.http.HttpStatus;

/** Needs a PostgreSQL in SPRING_DATASOURCE_URL. */
@SpringBootTest(webEnvironment = WebEnvironment.RANDOM_PORT)
class NotesTest {

    @Autowired
    private TestRestTemplate http;

    @Autowired
    private WordCount wordCount;

    @Test
    void isHealthy() {
        assertThat(http.getForObject("/actuator/health", String.class)).contains("UP");
    }

    @Test
    void aNoteIsStoredAndItsWordsAreCounted() {
        var made = http.postForObject("/notes", Map.of("text", "three small words"), Map.class);
        wordCount.count();
        var found = http.getForObject("/notes/" + made.get("id"), Map.class);
        assertThat(found.get("words")).isEqualTo(3);
    }

    @Test
    void aNoteWithoutATextIsRefused() {
        var answer = http.postForEntity("/notes", Map.of("text", ""), String.class);
        assertThat(answer.getStatusCode()).isEqualTo(HttpStatus.BAD_REQUEST);
    }
}
