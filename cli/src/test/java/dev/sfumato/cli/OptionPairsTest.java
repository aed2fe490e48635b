package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.pipeline.TinyStableDiffusion;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Options of {@code finetune} that change nothing beside others are refused or told. */
class OptionPairsTest {
  private static final String WORD =
      " --method textual-inversion --placeholder-token <x> --initializer-token a";

  @TempDir Path folder;
  private Path output;

  @BeforeEach
  void writeModelAndPictures() throws IOException {
    output = folder.resolve("run");
    TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    Path data = Calls.pictures(folder.resolve("data"), 2);
    for (Path picture : Calls.files(data)) {
      Files.writeString(data.resolve(picture.toString().replace(".png", ".txt")), "a red <x> rose");
    }
  }

  private Calls.Result finetune(String more) {
    List<String> args =
        Calls.words(
            "finetune --model %s --data %s --output %s --resolution 16 --log csv --max-steps 1",
            folder.resolve("model"), folder.resolve("data"), output);
    args.addAll(Calls.words(more));
    return Calls.run(args);
  }

  @Test
  void targetsOfTheUnetAloneDoNotTrainTheTextEncoder() {
    String options = "--sample-count 0 --lora-targets mid_block";
    finetune(options + " --train-text-encoder")
        .failsWith(
            2, "--train-text-encoder has no effect: --lora-targets names no layer of a text");
    finetune(options + ",q_proj --train-text-encoder").succeeds();
  }

  @Test
  void aWordNeedsNoClassPictures() {
    Path classes = folder.resolve("classes");
    finetune("--sample-count 0 --class-prompt rose --class-data " + classes + WORD)
        .failsWith(2, "--class-prompt does not go with textual inversion");
    assertThat(Files.exists(classes)).isFalse();
    assertThat(Files.exists(output)).isFalse();
  }

  @Test
  void allValidationPromptsAreDrawn() throws IOException {
    finetune("--sample-count 1 --sample-steps 1 --validation-prompt a --validation-prompt b")
        .succeeds();
    BufferedImage grid = ImageIO.read(output.resolve("samples/step-000001.png").toFile());
    assertThat(grid.getWidth()).isGreaterThan(grid.getHeight());
  }

  @Test
  void theOtherOptionsOfSamplesMayStandBesideTheirSwitch() {
    finetune("--sample-count 0 --sample-steps 2 --sample-every 1").succeeds();
    assertThat(Files.exists(output.resolve("samples"))).isFalse();
  }

  @Test
  void aPromptForPicturesWithCaptionsIsTold() throws IOException {
    String warning = "all pictures have captions, so --instance-prompt has no effect";
    List<String> lines =
        finetune("--sample-count 0 --instance-prompt sks").succeeds().err().lines().toList();
    assertThat(lines.stream().filter(line -> line.contains(warning)).count()).isEqualTo(1);
    assertThat(Files.readString(output.resolve("README.md"))).doesNotContain("sks");
    Files.delete(folder.resolve("data/a/0.txt"));
    String err = finetune("--sample-count 0 --instance-prompt sks --overwrite").succeeds().err();
    assertThat(err).doesNotContain(warning);
    assertThat(Files.readString(output.resolve("README.md"))).contains("put `sks` into prompts");
  }

  @Test
  void aResumedRunKeepsTheStartOfItsWord() {
    finetune("--sample-count 0" + WORD).succeeds();
    List<String> resumed =
        new ArrayList<>(Calls.words("finetune --resume --output %s --max-steps 2", output));
    resumed.addAll(List.of("--initializer-token", "red"));
    Calls.run(resumed).failsWith(2, "--initializer-token: a resumed run keeps what it began with");
  }

  /** Such a run was stopped while it drew class pictures. */
  @Test
  void aRunWithoutAStepNeedsAllItsOptions() throws IOException {
    Files.createDirectories(output);
    Files.createFile(output.resolve(".lock"));
    Calls.run("finetune --output %s --resume", output)
        .failsWith(1, "ended before its first step: repeat its command");
    List<String> again = finetune("--resume --sample-count 0").succeeds().out().lines().toList();
    assertThat(again).containsExactly(output.toString());
  }
}
