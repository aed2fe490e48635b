package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import java.io.IOException;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class ClipCommandTest {
  @TempDir static Path folder;
  private static Path model;
  private static Path pictures;

  @BeforeAll
  static void saveAModel() throws IOException {
    model = SmallClip.saved(folder.resolve("clip"));
    pictures = Calls.pictures(folder.resolve("pictures"), 2);
  }

  private static Calls.Result clip(String... more) {
    List<String> args = new ArrayList<>(List.of("clip", "--device", "cpu"));
    args.addAll(List.of(more));
    return Calls.run(args);
  }

  private static Calls.Result scores(String... more) {
    List<String> args = new ArrayList<>(List.of("--clip", model.toString(), "--image"));
    args.add(pictures.resolve("a/0.png").toString());
    args.add(pictures.resolve("b/1.png").toString());
    args.add("--text");
    args.addAll(List.of(more));
    return clip(args.toArray(String[]::new));
  }

  @Test
  void printsATable() {
    Calls.Result result = scores("a red rose", "a blue car", "--text", "三");
    result.succeeds();
    List<String> lines = result.out().lines().toList();
    assertThat(lines).hasSize(1 + 2 * (1 + 3));
    assertThat(lines.get(0)).isEqualTo("similarity  probability  text");
    assertThat(lines.get(1)).isEqualTo(pictures.resolve("a/0.png").toString());
    assertThat(lines.get(2)).matches(" +-?0\\.\\d{4} +\\d+\\.\\d\\d %  a red rose");
    assertThat(lines.get(4)).endsWith(" %  三");
  }

  @Test
  void printsJson() throws IOException {
    Calls.Result result = scores("a red rose", "a blue car", "--json");
    result.succeeds();
    JsonNode json = new ObjectMapper().readTree(result.out());
    assertThat(List.copyOf(json.propertyStream().map(e -> e.getKey()).toList()))
        .containsExactly("images", "texts", "similarity", "probability")
        .inOrder();
    assertThat(json.at("/images/1").asText()).endsWith("1.png");
    assertThat(json.at("/texts/0").asText()).isEqualTo("a red rose");
    assertThat(json.get("similarity")).hasSize(2);
    for (JsonNode probabilities : json.get("probability")) {
      assertThat(probabilities.get(0).asDouble() + probabilities.get(1).asDouble())
          .isWithin(1e-6)
          .of(1);
    }
  }

  @Test
  void namesWhatIsWrong() {
    String picture = pictures.resolve("a/0.png").toString();
    String clip = model.toString();
    scores("a rose", " &nbsp;").failsWith(2, "--text ' &nbsp;' has no words");
    clip("--clip", "nowhere", "--image", picture, "--text", "a").failsWith(1, "no such model");
    clip("--clip", picture, "--image", picture, "--text", "a").failsWith(1, "is not a PyTorch");
    clip("--clip", clip, "--image", "no.png", "--text", "a").failsWith(1, "no.png: no such file");
    clip("--clip", clip, "--image", picture).failsWith(2, "--text");
  }
}
