package dev.sfumato.clip;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.sfumato.tensor.TensorSubject.assertThat;

import dev.sfumato.io.JsonFile;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.stream.Stream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;

/** The model in {@code models/clip-faces}, on faces that it was not trained on. */
class ShippedClipTest {
  private static final Path MODEL = Path.of("..", "models", "clip-faces");
  private static final Golden GOLDEN = Golden.read("clip/faces");
  private static final List<String> TEXTS = strings("texts");
  private static final List<Path> FACES =
      strings("files").stream().map(Path.of("src/test/resources/faces")::resolve).toList();
  private static final List<String> CAPTIONS = TEXTS.subList(0, FACES.size());

  private static ClipModel clip;

  private static List<String> strings(String key) {
    return List.of(JsonFile.MAPPER.convertValue(GOLDEN.document().get(key), String[].class));
  }

  @BeforeAll
  static void load() {
    clip = ClipModel.load(MODEL);
  }

  @AfterAll
  static void close() {
    clip.close();
  }

  @Test
  void scoresAsOpenClipDoes() {
    long before = Scope.liveTensors();
    float[][] similarity = ClipScores.of(clip, FACES, TEXTS).similarity();
    try (Scope scope = Scope.open()) {
      Tensor expected = GOLDEN.tensor("similarity");
      for (int i = 0; i < similarity.length; i++) {
        Tensor actual = Tensor.of(similarity[i], TEXTS.size());
        assertThat(actual).isWithin(1e-4).of(expected.select(0, i));
      }
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void knowsFacesByTheirCaptions() {
    assertNames(CAPTIONS);
  }

  @Test
  void knowsBackgroundsByShortTexts() {
    assertNames(TEXTS.stream().filter(text -> text.matches("\\w+ background")).toList());
  }

  /** Fails unless the text that scores highest for a face is part of its caption. */
  private static void assertNames(List<String> texts) {
    float[][] probability = ClipScores.of(clip, FACES, texts).probability();
    for (int i = 0; i < probability.length; i++) {
      int best = 0;
      for (int j = 1; j < texts.size(); j++) {
        best = probability[i][j] > probability[i][best] ? j : best;
      }
      assertWithMessage("said of '%s': %s", CAPTIONS.get(i), texts.get(best))
          .that(CAPTIONS.get(i).contains(texts.get(best)))
          .isTrue();
    }
  }

  @Test
  void isSmall() throws IOException {
    try (Stream<Path> files = Files.list(MODEL)) {
      assertThat(files.mapToLong(file -> file.toFile().length()).sum()).isLessThan(12_000_000);
    }
  }
}
