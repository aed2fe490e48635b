package dev.sfumato.clip;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Scope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.stream.LongStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClipTokenizerTest {
  private static final JsonNode GOLDEN =
      JsonFile.read(Golden.path("clip/tokens.json"), JsonNode.class);
  private static final ObjectMapper MAPPER = new ObjectMapper();
  private static final ClipTokenizer OPEN_CLIP = ClipTokenizer.openClip();

  @TempDir private Path folder;

  @Test
  void givesTheTokensOfOpenClip() {
    for (JsonNode golden : GOLDEN.get("cases")) {
      String text = golden.get("text").asText();
      assertWithMessage(text)
          .that(OPEN_CLIP.tokenize(text))
          .containsExactlyElementsIn(integers(golden.get("open_clip")))
          .inOrder();
    }
  }

  @Test
  void givesTheTokensOfTransformers() {
    ClipTokenizer files = ClipTokenizer.load(Golden.path("clip/tokenizer"));
    ClipTokenizer json = ClipTokenizer.load(Golden.path("clip/tokenizer_json"));
    for (JsonNode golden : GOLDEN.get("cases")) {
      String text = golden.get("text").asText();
      List<Integer> expected = integers(golden.get("small"));
      assertWithMessage(text).that(files.tokenize(text)).isEqualTo(expected);
      assertWithMessage(text).that(json.tokenize(text)).isEqualTo(expected);
    }
  }

  @Test
  void aTokenizerReplacesAnotherInItsDirectory() throws IOException {
    Files.copy(Golden.path("clip/tokenizer_json/tokenizer.json"), folder.resolve("tokenizer.json"));
    ClipTokenizer other = ClipTokenizer.small(3);
    other.save(folder);
    assertThat(ClipTokenizer.load(folder).size()).isEqualTo(other.size());
  }

  @Test
  void beginsEndsCutsAndPads() {
    for (JsonNode golden : GOLDEN.get("rows")) {
      try (Scope scope = Scope.open()) {
        String[] texts = MAPPER.convertValue(golden.get("texts"), String[].class);
        int length = golden.get("length").asInt();
        long[] expected =
            Arrays.stream(MAPPER.convertValue(golden.get("ids"), long[][].class))
                .flatMapToLong(LongStream::of)
                .toArray();
        assertThat(OPEN_CLIP.encode(List.of(texts), length).toLongs()).isEqualTo(expected);
      }
    }
  }

  @Test
  void cleansAsOpenClipIsToldTo() {
    for (JsonNode golden : GOLDEN.get("cleaned")) {
      String text = golden.get("text").asText();
      for (TextCleaning cleaning : List.of(TextCleaning.WHITESPACE, TextCleaning.CANONICALIZE)) {
        String name = cleaning.name().toLowerCase(Locale.ROOT);
        assertWithMessage(text).that(cleaning.apply(text)).isEqualTo(golden.get(name).asText());
      }
    }
  }

  @Test
  void tellsThatNothingOfATextIsLeft() {
    assertThat(OPEN_CLIP.tokenize(" \t&nbsp;\u0000")).isEmpty();
    assertThat(OPEN_CLIP.tokenize(".")).isNotEmpty();
  }

  @Test
  void knowsItsSize() {
    assertThat(OPEN_CLIP.size()).isEqualTo(49408);
    assertThat(ClipTokenizer.load(Golden.path("clip/tokenizer")).size()).isEqualTo(552);
  }

  @Test
  void namesWhatIsMissing() throws IOException {
    assertThat(refusal()).contains("has no tokenizer: expected tokenizer.json, or vocab.json");
    JsonFile.write(folder.resolve("vocab.json"), Map.of("a", 0));
    assertThat(refusal()).contains("merges.txt");
    Files.writeString(folder.resolve("merges.txt"), "");
    assertThat(refusal())
        .contains("vocab.json: is not a tokenizer of CLIP: it lacks <|startoftext|>");
    JsonFile.write(folder.resolve("vocab.json"), Map.of("a", "b"));
    assertThat(refusal()).contains("token 'a' has no number");
    JsonFile.write(folder.resolve("tokenizer.json"), Map.of("model", Map.of("type", "WordPiece")));
    assertThat(refusal()).contains("tokenizer.json: is not a tokenizer of CLIP");
  }

  private String refusal() {
    String message =
        assertThrows(SfumatoException.class, () -> ClipTokenizer.load(folder)).getMessage();
    assertThat(message.lines().count()).isEqualTo(1);
    return message;
  }

  // ---- a small one

  @Test
  void aSmallOneHasThePartOfTheVocabularyThatFirstMergesMake() {
    long before = Scope.liveTensors();
    ClipTokenizer small = ClipTokenizer.small(8000);
    assertThat(small.size()).isEqualTo(8514);
    small.save(folder);
    ClipTokenizer loaded = ClipTokenizer.load(folder);
    try (Scope scope = Scope.open()) {
      // What transformers' AutoTokenizer 5.18 makes of that folder.
      long[] expected = {8512, 736, 2225, 8513, 8513};
      assertThat(small.encode(List.of("red  hair"), 5).toLongs()).isEqualTo(expected);
      assertThat(loaded.encode(List.of("Red hair"), 5).toLongs()).isEqualTo(expected);
    }
    String text = "an unusually verbose caf\u00e9 \u2615 <|endoftext|> it's";
    assertThat(loaded.tokenize(text)).isEqualTo(small.tokenize(text));
    assertThat(ClipTokenizer.small(0).tokenize("hair")).hasSize(4);
    assertThat(assertThrows(SfumatoException.class, () -> ClipTokenizer.small(50_000)))
        .hasMessageThat()
        .isEqualTo("a vocabulary has 0 to 48894 merges of OpenAI's, not 50000");
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  private static List<Integer> integers(JsonNode numbers) {
    return List.of(MAPPER.convertValue(numbers, Integer[].class));
  }
}
