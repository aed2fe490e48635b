package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.tensor.Scope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClipGuidedSampleTest {
  @TempDir static Path folder;
  private static Path model;
  private static Path clip;
  private static Path picture;

  @BeforeAll
  static void makeModels() throws IOException {
    model = Calls.model(folder, "");
    picture = folder.resolve("data/a/0.png");
    clip = SmallClip.saved(folder.resolve("clip"));
  }

  private static Calls.Result sample(String more, String... guide) {
    List<String> args = Calls.words("sample --steps 4 --scheduler ddim --out");
    args.add(folder.resolve("out.png").toString());
    args.addAll(List.of(guide));
    args.addAll(Calls.words(more.replace("CLIP", clip.toString())));
    args.addAll(List.of("--model", model.toString()));
    return Calls.run(args);
  }

  @Test
  void textsAndPicturesGuideTogether() throws IOException {
    long before = Scope.liveTensors();
    Path trace = folder.resolve("trace.csv");
    sample(
            "--clip CLIP --cuts 2 --scale 5 --guide clip=blue --clip CLIP --cuts 2 --scale -1"
                + " --until 0.5 --guide clip-image=%s --clip CLIP --cuts 3 --cut-power 2"
                    .formatted(picture)
                + " --cut-overview 1:0.5 --clip-layers 0,-1 --gradient exact --count 2 --trace "
                + trace,
            "--guide",
            "clip=a red rose:2|a blue car:-0.5")
        .succeeds();
    List<String> rows = Files.readAllLines(trace);
    assertThat(rows.get(0))
        .isEqualTo("step,timestep,loss.clip,loss.clip_2,loss.clip-image,gradient_norm");
    assertThat(rows).hasSize(5);
    assertThat(rows.get(1)).matches("1,15,-?\\d.*,\\d.*,\\d.*,\\d.*");
    assertThat(rows.get(4)).matches("4,0,-?\\d.*,,\\d.*,\\d.*");
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void textsCompete() {
    sample("--clip CLIP --clip-temperature 0.1", "--guide", "clip=a red rose|a blue car:-1")
        .succeeds();
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "--guide clip=rose | guide clip needs a CLIP model: give its option --clip",
        "--guide clip-image=a.png | guide clip-image needs a CLIP model: give its option --clip",
        "--guide clip --clip CLIP | guide clip needs a value",
        "--guide clip=&nbsp; --clip CLIP | prompt '&nbsp;' has no words",
        "--guide clip=rose:0 --clip CLIP | a weight other than 0",
        "--guide clip=rose --clip CLIP --cuts 0 | cuts must be at least 1",
        "--guide clip=rose --clip CLIP --cut-power 0 | cut-power must be above 0",
        "--guide clip=rose --clip CLIP --cut-overview 1 | --cut-overview needs --cut-power",
        "--guide clip=rose --clip CLIP --cut-power 1 --cut-overview 2 | cut-overview must lie",
        "--guide clip=rose --clip CLIP --cut-power 1 --cut-overview x | cut-overview 'x' is",
        "--guide clip=rose --clip CLIP --clip-layers 1 | has no option --clip-layers, which is for clip-image",
        "--guide clip=rose --clip CLIP --clip-temperature 1 | prompts compete",
        "--guide clip-image=a.png --clip CLIP --clip-temperature 1 | has no option --clip-temperature, which is for clip",
        "--guide clip=rose --clip CLIP --clip CLIP | --clip is given twice for one --guide",
        "--clip CLIP --guide clip=rose | --clip belongs to a --guide",
      })
  void aWrongCallIsOneLineAndStatusTwo(String options, String words) {
    sample(options).failsWith(2, words);
  }

  @Test
  void whatIsMissingIsNamed() throws IOException {
    sample("--guide clip=rose --clip nowhere").failsWith(1, "nowhere: there is no such model");
    sample("--guide clip-image=nowhere.png --clip CLIP").failsWith(1, "nowhere.png");
    Path untold = Files.createDirectories(folder.resolve("untold"));
    Files.writeString(
        untold.resolve("config.json"), "{\"model_type\": \"clip\", \"projection_dim\": 8}");
    sample("--guide clip=rose --clip " + untold).failsWith(1, "tokenizer.json");
    sample("--guide clip-image=%s --clip CLIP --clip-layers 7".formatted(picture))
        .failsWith(2, "layer 7 does not exist");
  }
}
