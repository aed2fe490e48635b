package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.pipeline.TinyStableDiffusion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code finetune} of several subjects, each with class pictures of its own. */
class SubjectsTest {
  private static final int CLASS_PICTURES = 4;

  @TempDir Path folder;

  /** Each picture and each text that learns is encoded once, into a file of the cache. */
  @Test
  void allClassPicturesOfEachSubjectLearn() throws IOException {
    Path data = Calls.pictures(folder.resolve("data"), 6);
    Files.delete(data.resolve("b/3.png"));
    Files.delete(data.resolve("b/5.png"));
    Path cache = folder.resolve("cache");
    List<String> options =
        Calls.words(
            "finetune --model %s --data %s --output %s --class-data %s --class-count %s"
                + " --class-prompt a=cat --class-prompt b=dog --instance-prompt rose --epochs 1"
                + " --no-flip --caption-dropout 0 --cache-latents disk --cache-dir %s --sample-count 0 --log csv"
                + " --resolution 16",
            TinyStableDiffusion.write(folder.resolve("model"), "sd1"),
            data,
            folder.resolve("run"),
            folder.resolve("classes"),
            CLASS_PICTURES,
            cache);
    Calls.run(options).succeeds();
    assertThat(files(cache, "vae-")).isEqualTo(4 + 2 * CLASS_PICTURES);
    assertThat(files(cache, "text-")).isEqualTo(3);
    assertThat(Files.readString(folder.resolve("run/report.html")))
        .contains("and without class pictures.");
  }

  /** Repeats of a picture go with different class pictures. */
  @Test
  void anEpochTakesRepeatsOnce() throws IOException {
    Path data = Calls.pictures(folder.resolve("pictures"), 2);
    Files.move(data.resolve("a"), data.resolve("3_a"));
    Files.move(data.resolve("b"), data.resolve("2_b"));
    Path cache = folder.resolve("cache");
    Path run = folder.resolve("run");
    Calls.run(
            "finetune --model %s --data %s --output %s --class-data %s --class-count 4"
                + " --class-prompt cat --epochs 1 --no-flip --caption-dropout 0 --batch-size 1"
                + " --gradient-accumulation-steps 1 --cache-latents disk --cache-dir %s"
                + " --sample-count 0 --log csv --resolution 16",
            TinyStableDiffusion.write(folder.resolve("model"), "sd1"),
            data,
            run,
            folder.resolve("classes"),
            cache)
        .succeeds();
    assertThat(Calls.metrics(run)).hasSize(1 + 3 + 2);
    assertThat(files(cache, "vae-")).isEqualTo(2 + 4);
  }

  private static long files(Path cache, String start) {
    return Calls.files(cache).stream().filter(file -> file.toString().startsWith(start)).count();
  }
}
