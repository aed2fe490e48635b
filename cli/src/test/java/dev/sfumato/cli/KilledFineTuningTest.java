package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;

import dev.sfumato.pipeline.TinyStableDiffusion;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Locale;
import java.util.concurrent.TimeUnit;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

/** Processes that fine-tune a text-to-image model, are killed or interrupted, and resumed. */
class KilledFineTuningTest {
  private static final int KILLS = 3;
  private static final int CLASS_PICTURES = 22;

  @TempDir static Path folder;

  @BeforeAll
  static void prepare() throws IOException {
    TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    Calls.pictures(folder.resolve("data"), 7);
  }

  private static List<String> options(Path output, String more, Object... places) {
    List<String> options =
        Calls.words(
            "finetune --model %s --data %s --output %s --resolution 16 --batch-size 2 --threads 1"
                + " --max-steps 24 --use-ema --ema-formula text-to-image --caption-dropout 0.2"
                + " --learning-rate 1e-2 --seed 11 --sample-count 0 --checkpoint-every 2"
                + " --checkpoints-keep 1 --log csv",
            folder.resolve("model"), folder.resolve("data"), output);
    options.addAll(List.of("--instance-prompt", "a red <x>"));
    options.addAll(Calls.words(more, places));
    return options;
  }

  /** A checkpoint holds what learns, in the form of the result; the model is loaded again. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "--lora-rank 2 --lora-dropout 0.2 --train-text-encoder",
        "--method textual-inversion --placeholder-token <x> --initializer-token a --vectors 2"
      })
  void sigkillAtAnyMomentChangesNothing(String method) throws IOException, InterruptedException {
    Path undisturbed = folder.resolve("undisturbed-" + method.length());
    Calls.run(options(undisturbed, method)).succeeds();
    Path output = folder.resolve("killed-" + method.length());
    KilledRun run = new KilledRun(output, options(output, method));
    run.killAndFinish(KILLS);
    run.assertSameAs(undisturbed);
  }

  /** Each class picture is a function of its number, whenever the runs before it ended. */
  @Test
  void aRunThatEndsWhileClassPicturesAreDrawnGoesOn() throws IOException, InterruptedException {
    Path whole = folder.resolve("whole");
    Path undisturbed = folder.resolve("undisturbed-prior");
    Calls.run(prior(undisturbed, whole)).succeeds();
    Path classes = folder.resolve("classes");
    Path output = folder.resolve("prior");
    KilledRun run = new KilledRun(output, prior(output, classes));

    Process process = run.start();
    Calls.await(process, run.log(), () -> count(classes) >= 4);
    process.destroy(); // SIGTERM, as Ctrl-C
    assertThat(process.waitFor(1, TimeUnit.MINUTES)).isTrue();
    assertWithMessage(Files.readString(run.log())).that(process.exitValue()).isEqualTo(128 + 15);
    int drawn = count(classes);
    assertThat(drawn).isLessThan(CLASS_PICTURES);
    assertThat(Files.exists(output.resolve("config.json"))).isFalse();

    Process again = run.start();
    Calls.await(again, run.log(), () -> count(classes) > drawn);
    again.destroyForcibly().waitFor(); // SIGKILL
    int number = count(classes) - 1; // as if it had been killed while it wrote this one
    Path half = classes.resolve(".class.png.incomplete");
    Files.move(classes.resolve(name(number)), half);
    Files.write(half, Arrays.copyOf(Files.readAllBytes(half), 40));

    run.killAndFinish(KILLS);
    assertThat(Calls.files(classes)).isEqualTo(Calls.files(whole));
    assertThat(Calls.files(classes)).hasSize(CLASS_PICTURES);
    for (Path file : Calls.files(whole)) {
      assertWithMessage(file.toString())
          .that(Files.mismatch(classes.resolve(file), whole.resolve(file)))
          .isEqualTo(-1);
    }
    run.assertSameAs(undisturbed);
  }

  /** A run with encoded pictures on the disk, in a folder of its own. */
  private static List<String> prior(Path output, Path classes) {
    return options(
        output,
        "--class-prompt a --class-count %s --class-data %s --cache-latents disk --cache-dir %s",
        CLASS_PICTURES,
        classes,
        output + "-cache");
  }

  private static String name(int number) {
    return String.format(Locale.ROOT, "class-%05d.png", number);
  }

  /** Counts names only: files come and go meanwhile. */
  private static int count(Path classes) {
    String[] names = classes.toFile().list();
    return names == null
        ? 0
        : (int) Arrays.stream(names).filter(name -> name.endsWith(".png")).count();
  }
}
