package dev.sfumato.io;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.function.Executable;
import org.junit.jupiter.api.io.TempDir;

class JsonObjectTest {
  @TempDir Path folder;

  private JsonObject read(String json) throws IOException {
    return JsonObject.read(
        Files.writeString(folder.resolve("config.json"), json.replace('\'', '"')));
  }

  private static String refusal(Executable call) {
    return assertThrows(SfumatoException.class, call).getMessage();
  }

  @Test
  void valuesHaveTheirTypesAndAbsentOnesTheirDefaults() throws IOException {
    JsonObject object =
        read("{'a': 3, 'b': 0.5, 'c': true, 'd': 'x', 'e': [1, 2], 'f': {'g': 4.0}}");
    assertThat(object.integer("a", 0)).isEqualTo(3);
    assertThat(object.number("b", 0)).isEqualTo(0.5);
    assertThat(object.flag("c", false)).isTrue();
    assertThat(object.text("d", "")).isEqualTo("x");
    assertThat(object.integers("e", List.of())).containsExactly(1, 2).inOrder();
    assertThat(object.child("f").get("g").integer()).isEqualTo(4);
    assertThat(object.child("none").integer("g", 7)).isEqualTo(7);
    assertThat(object.rest()).isEmpty();
  }

  @Test
  void nullIsAValueUnlessNullsAreLeftOut() throws IOException {
    JsonObject object = read("{'a': null, 'b': {'c': null}}");
    assertThat(refusal(() -> object.integer("a", 3)))
        .endsWith("a must be a whole number, not null");
    assertThat(object.optionalInteger("a", Optional.of(3))).isEmpty();
    assertThat(object.withoutNulls().integer("a", 3)).isEqualTo(3);
    assertThat(object.withoutNulls().child("b").has("c")).isFalse();
  }

  @Test
  void errorsNameTheFileAndThePlaceInOneShortLine() throws IOException {
    JsonObject object = read("{'a': {'b': '" + "long ".repeat(1000) + "'}}");
    String message = refusal(() -> object.child("a").integer("b", 0));
    assertThat(message).contains("config.json: a.b must be a whole number, not long long");
    assertThat(message.length()).isLessThan(300);
    assertThat(refusal(() -> object.get("c"))).endsWith("config.json: c is missing");
    assertThat(refusal(() -> read("[1]"))).contains("must be a JSON object, not [1]");
  }

  @Test
  void whatNobodyAsksForIsLeft() {
    JsonObject object = JsonObject.of(Map.of("known", 1, "other", "kept"));
    object.integer("known", 0);
    assertThat(object.rest()).containsExactly("other", "kept");
  }
}
