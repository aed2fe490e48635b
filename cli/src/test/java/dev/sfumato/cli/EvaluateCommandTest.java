package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.ClassConditioning.Type;
import dev.sfumato.pipeline.SmallModel;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluateCommandTest {
  private static final ClassConditioning DIGITS = new ClassConditioning(Type.ONE_HOT, 10, 0);

  @TempDir private Path folder;

  private static Calls.Result evaluate(String options, Object... places) {
    return Calls.run("evaluate --device cpu " + options, places);
  }

  @Test
  void aDistanceNeedsFeaturesAndPictures() {
    String message = "error: --against and --clip need each other";
    evaluate("--images %s --against mnist", folder).failsWith(2, message);
    evaluate("--images %s --clip models/clip", folder).failsWith(2, message);
  }

  // ---- a model

  @Test
  void readsTheClassesThatAModelDraws() {
    Path json = folder.resolve("results.json");
    Calls.Result result =
        evaluate("--model %s --classes --count 23 --steps 2 --json %s", model(28, DIGITS), json)
            .succeeds();
    assertThat(result.err()).isEmpty();
    JsonNode results = JsonFile.read(json, JsonNode.class);
    assertThat(results.at("/classes/asked").asInt()).isEqualTo(23);
    assertThat(results.at("/classes/classes/2/asked").asInt()).isEqualTo(3);
    assertThat(results.at("/classes/classes/3/asked").asInt()).isEqualTo(2);
    assertThat(results.at("/steps").asInt()).isEqualTo(2);
    assertThat(results.at("/classifier/test_accuracy").asDouble()).isGreaterThan(0.99);
    assertThat(result.out()).containsMatch("(?m)^all +23 +\\d+ ");
    assertThat(result.out())
        .containsMatch("classifier: reads 99\\.\\d\\d % of 10000 test pictures");
  }

  @Test
  void drawsFewerPicturesThanThereAreClasses() {
    Calls.Result result = evaluate("--model %s --classes --count 3 --steps 1", model(28, DIGITS));
    assertThat(result.succeeds().out()).containsMatch("(?m)^all +3 ");
  }

  @Test
  void summarisesWhatAnUnconditionedModelDraws() {
    Calls.Result result =
        evaluate("--model %s --count 5 --steps 2", model(16, ClassConditioning.NONE)).succeeds();
    assertThat(result.err()).isEmpty();
    assertThat(result.out()).containsMatch("(?m)^pictures +5$");
    assertThat(result.out()).containsMatch("(?m)^  16 x 16 +5$");
  }

  @Test
  void refusesModelsWhosePicturesItCannotRead() {
    evaluate("--model %s --classes", model(28, ClassConditioning.NONE))
        .failsWith(1, "not class-conditioned");
    evaluate("--model %s --classes", model(16, DIGITS)).failsWith(1, "[16] pixels");
    evaluate("--model %s", folder.resolve("nothing")).failsWith(1, "no such model directory");
    evaluate("--model %s --classes --classifier %s", model(28, DIGITS), folder.resolve("no"))
        .failsWith(1, "no such classifier directory");
    evaluate("--model %s --count 0", model(28, DIGITS)).failsWith(2, "count must be at least 1");
  }

  private Path model(int size, ClassConditioning conditioning) {
    Path model = folder.resolve("model-" + size + conditioning.type());
    return SmallModel.saved(model, 1, List.of(size), conditioning);
  }

  // ---- a folder

  @Test
  void measuresFolders() throws IOException {
    Path images = folder.resolve("images");
    writeStroke(images.resolve("1/a.png"));
    writeStroke(images.resolve("1/b.png"));
    assertThat(evaluate("--images %s --classes", images).succeeds().out())
        .containsMatch("(?m)^1 +2 +2 +100\\.00 %$");
    String summary = evaluate("--images %s", images).succeeds().out();
    assertThat(summary).containsMatch("(?m)^  28 x 28 +2$");
    assertThat(summary).containsMatch("(?m)^repeated +1$");
    evaluate("--images %s --classes", images.resolve("1")).failsWith(1, "subfolders");
    Path splits = folder.resolve("splits");
    writeStroke(splits.resolve("test/1/a.png"));
    writeStroke(splits.resolve("train/1/a.png"));
    writeStroke(splits.resolve("train/1/b.png"));
    assertThat(evaluate("--images %s --split train", splits).succeeds().out())
        .containsMatch("(?m)^  28 x 28 +2$");
    assertThat(evaluate("--images %s", splits).succeeds().out())
        .containsMatch("(?m)^  28 x 28 +1$");
    evaluate("--images %s --split validation", splits).failsWith(1, "no split 'validation'");
    evaluate("--images %s", folder.resolve("nothing")).failsWith(1, "no such folder");
  }

  /** A one: an upright white stroke. */
  private static void writeStroke(Path file) throws IOException {
    BufferedImage image = new BufferedImage(28, 28, BufferedImage.TYPE_INT_RGB);
    for (int y = 4; y < 24; y++) {
      for (int x = 13; x < 16; x++) {
        image.setRGB(x, y, 0xffffff);
      }
    }
    Files.createDirectories(file.getParent());
    ImageIO.write(image, "png", file.toFile());
  }

  // ---- calls

  @Test
  void asksForOneSubject() {
    evaluate("--classes").failsWith(2);
    evaluate("--model a --images b").failsWith(2);
    evaluate("--train-classifier %s", folder).failsWith(2, "--train-classifier needs --data");
  }
}
