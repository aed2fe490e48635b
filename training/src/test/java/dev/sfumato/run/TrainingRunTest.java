package dev.sfumato.run;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.api.Assumptions.assumeTrue;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.SfumatoException;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.LoggedMessages;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tracking.MlflowServer;
import dev.sfumato.tracking.MlflowSettings;
import dev.sfumato.training.Ema;
import dev.sfumato.training.LearningRate;
import dev.sfumato.training.Objective;
import dev.sfumato.training.PictureList;
import dev.sfumato.training.SmallUNet;
import dev.sfumato.training.StepReport;
import dev.sfumato.training.TrainingOptions;
import java.io.IOException;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class TrainingRunTest {
  private static final Dataset DIGITS = PictureList.random(10, 1, 8, 2, 1);

  @TempDir Path folder;

  @Test
  void halfPrecisionNeedsACard() {
    Path root = folder.resolve("run");
    try (PixelPipeline pipeline = newModel()) {
      Training training = Training.of(pipeline, DIGITS, root).withDevice(Device.CPU);
      List<Runnable> asked =
          List.of(
              () -> training.withPrecision(Precision.FP16).run(),
              () -> {
                pipeline.precision(Precision.FP16);
                training.run();
              });
      for (Runnable run : asked) {
        assertThat(assertThrows(InvalidOptionException.class, run::run))
            .hasMessageThat()
            .startsWith("`precision` fp16 needs a card");
        assertThat(Files.exists(root)).isFalse();
      }
    }
  }

  @Test
  void writesWhatTheContractNames() throws IOException {
    Path root = folder.resolve("run");
    train(root, 1e-3, 4, watch(2, 3, 4, 2, 2, true));
    assertThat(Files.readAllLines(root.resolve("metrics.csv"))).hasSize(5);
    // Epochs of 3 micro-batches, two a step: each epoch has two steps.
    assertThat(Files.readAllLines(root.resolve("validation.csv"))).hasSize(3);
    for (String file :
        List.of(
            "model_index.json",
            "unet/config.json",
            "unet/diffusion_pytorch_model.safetensors",
            "scheduler/scheduler_config.json",
            "class_conditioning/config.json",
            "class_conditioning/model.safetensors",
            "loss.png",
            "report.html",
            "samples/step-000002.png",
            "samples/step-000004.png",
            "checkpoints/step-000002/progress.json",
            "checkpoints/step-000004/ema.safetensors")) {
      assertThat(Files.size(root.resolve(file))).isGreaterThan(0);
    }
    assertThat(Files.isDirectory(root.resolve("tensorboard"))).isTrue();
  }

  @Test
  void rawAndAveragedWeightsAreBothKept() throws IOException {
    Path root = folder.resolve("run");
    train(root, 1e-2, 4, quiet());
    Path weights = Path.of("unet/diffusion_pytorch_model.safetensors");
    Path checkpoint = root.resolve("checkpoints/step-000004");
    assertThat(Files.mismatch(root.resolve(weights), checkpoint.resolve(weights))).isAtLeast(0);
  }

  @Test
  void theReportTellsWhatTheRunDid() throws IOException {
    Path root = folder.resolve("run");
    train(root, 1e-3, 4, watch(0, 3, 4, 0, 1, false));
    String page = Files.readString(root.resolve("report.html"));
    assertThat(page).contains("4 of 4 optimiser steps");
    assertThat(page).contains("pictures per second");
    assertThat(page).contains("step 4");
    assertThat(page).contains("data:image/png;base64,");
    assertThat(page).containsMatch("libtorch \\d+\\.");
    assertThat(page).containsMatch("<td[^>]*>2</td><td[^>]*>4</td><td[^>]*>10</td>"); // epoch 2
  }

  /** The grids show what training has changed, so there is one from before it. */
  @Test
  void theFirstGridIsFromBeforeTraining() throws IOException {
    Path root = folder.resolve("run");
    train(root, 1e-30, 2, watch(1, 3, 4, 0, 1, true));
    Path before = root.resolve("samples/step-000000.png");
    Path after = root.resolve("samples/step-000002.png");
    assertThat(Files.mismatch(before, after)).isEqualTo(-1); // the same noise, the same weights
    Path log = Files.list(root.resolve("tensorboard")).findFirst().orElseThrow();
    String events = Files.readString(log, StandardCharsets.ISO_8859_1);
    for (String tag :
        List.of("weights/unet.conv_in.bias", "gradients/class_emb.weight", "epoch/loss")) {
      assertThat(events).contains(tag);
    }
  }

  @Test
  void mlflowIsToldOfTheWholeRun() throws IOException {
    try (MlflowServer server = new MlflowServer()) {
      WatchOptions watch =
          watch(2, 3, 4, 0, 1, false)
              .withMlflow(MlflowSettings.of(Map.of("MLFLOW_TRACKING_URI", server.uri())));
      Path root = folder.resolve("run");
      run(root, 1e-3, 4, watch, 2);
      MlflowServer.LoggedRun logged = server.runs.get("run0");
      assertThat(logged.status).isEqualTo("KILLED");
      train(root, 1e-3, 4, watch);
      assertThat(logged.status).isEqualTo("FINISHED");
      assertThat(logged.metrics).hasSize(4 * 3 + 2 * 2);
      for (String file :
          List.of("samples/step-000000.png", "samples/step-000004.png", "report.html")) {
        assertThat(server.artifacts.get("0/run0/artifacts/" + file))
            .isEqualTo(Files.readAllBytes(root.resolve(file)));
      }
      assertThrows(SfumatoException.class, () -> train(root, 1e30, 8, watch));
      assertThat(logged.status).isEqualTo("FAILED");
      assertThat(server.runs).hasSize(1);
    }
  }

  @Test
  void theReportSaysHowTheRunEnded() throws IOException {
    Path stopped = folder.resolve("stopped");
    run(stopped, 1e-3, 6, quiet(), 1);
    assertThat(Files.readString(stopped.resolve("report.html"))).contains("The run was stopped");
    Path failed = folder.resolve("failed");
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> train(failed, 1e30, 6, quiet()));
    assertThat(e)
        .hasMessageThat()
        .containsMatch(
            "; step-00000[12] holds all before it: if the loss had grown, start anew with"
                + " `overwrite` and a lower `learningRate` and `maxGradNorm` 1, else go on with"
                + " `resume` and another `seed`, which draws other noise$");
    assertThat(Files.readString(failed.resolve("report.html")))
        .containsMatch("The run failed: step [23]: the loss is (NaN|-?Infinity)");
  }

  @Test
  void theModelCardIsRenewedUntilSomebodyChangesIt() throws IOException {
    Path card = folder.resolve("run/README.md");
    run(folder.resolve("run"), 1e-3, 6, quiet(), 2);
    String first = Files.readString(card);
    assertThat(first).startsWith("---\nlibrary_name: diffusers\n");
    assertThat(first).contains("| pictures seen | 10 |");
    run(folder.resolve("run"), 1e-3, 6, quiet(), 4);
    assertThat(Files.readString(card)).contains("| pictures seen | 20 |");
    String mine = Files.readString(card).replace("## Licence", "## Licence\n\nMine.");
    Files.writeString(card, mine);
    train(folder.resolve("run"), 1e-3, 6, quiet());
    assertThat(Files.readString(card)).isEqualTo(mine);
  }

  /** Two values of the fixed-noise loss can be compared: without training they are equal. */
  @Test
  void theValidationLossDependsOnTheWeightsOnly() throws IOException {
    Path root = folder.resolve("run");
    train(root, 1e-30, 4, quiet());
    List<String> rows = Files.readAllLines(root.resolve("validation.csv"));
    assertThat(rows.get(1)).startsWith("2,");
    assertThat(rows.get(2)).startsWith("4,");
    assertThat(rows.get(1).substring(2)).isEqualTo(rows.get(2).substring(2));
  }

  /** An epoch of many pictures may be longer than a run. */
  @Test
  void aRunThatEndsWithinAnEpochMeasuresItsLossThere() throws IOException {
    Path root = folder.resolve("run");
    train(root, 1e-5, 3, quiet());
    List<String> rows = Files.readAllLines(root.resolve("validation.csv"));
    assertThat(rows.stream().map(row -> row.replaceFirst(",.*", "")))
        .containsExactly("step", "2", "3")
        .inOrder();
    String page = Files.readString(root.resolve("report.html"));
    assertThat(page).contains("mean loss of all steps");
    assertThat(page).contains("validation loss</");
    String card = Files.readString(root.resolve("README.md"));
    assertThat(card).contains("| learning rate | 1e-5, constant |");
    assertThat(page + card).doesNotContain("1.0E-");
  }

  @Test
  void aRunThatIsStoppedGoesOnToTheSameEnd() throws IOException {
    WatchOptions watch = watch(0, 3, 0, 3, 2, false);
    Path whole = folder.resolve("whole");
    Path halved = folder.resolve("halved");
    train(whole, 1e-3, 6, watch);
    run(halved, 1e-3, 6, watch, 1);
    assertThat(Files.exists(halved.resolve("report.html"))).isTrue();
    assertThat(Files.exists(halved.resolve("unet/config.json"))).isTrue();
    run(halved, 1e-3, 6, watch, 4); // in the middle of an accumulation's epoch
    train(halved, 1e-3, 6, watch);
    assertThat(withoutSeconds(halved)).isEqualTo(withoutSeconds(whole));
    for (String file :
        List.of(
            "unet/diffusion_pytorch_model.safetensors",
            "class_conditioning/model.safetensors",
            "checkpoints/step-000006/unet/diffusion_pytorch_model.safetensors",
            "checkpoints/step-000006/optimizer.safetensors",
            "checkpoints/step-000006/random.safetensors")) {
      assertThat(Files.mismatch(whole.resolve(file), halved.resolve(file))).isEqualTo(-1);
    }
  }

  @Test
  void aGridEndsAfterTheStepInWhichTheRunIsStoppedAndIsDrawnLater() {
    Path root = folder.resolve("run");
    WatchOptions watch = watch(2, 50, 4, 0, 2, false);
    int[] asked = {0};
    try (PixelPipeline pipeline = newModel()) {
      TrainingResult result =
          training(pipeline, DIGITS, root, 1e-3, 4)
              .withWatch(watch)
              .run(
                  new TrainingRun.Listener() {
                    @Override
                    public void onStep(StepReport report) {}

                    @Override
                    public boolean stopAsked() {
                      return ++asked[0] >= 3;
                    }
                  });
      assertThat(asked[0]).isEqualTo(4); // three steps of the grid, and the run itself
      assertThat(result.progress().step()).isEqualTo(0);
      assertThat(result.isFinished()).isFalse();
    }
    assertThat(Files.exists(root.resolve("samples/step-000000.png"))).isFalse();
    assertThat(Files.exists(root.resolve("checkpoints/step-000000"))).isTrue();
    run(root, 1e-3, 4, watch, 2);
    assertThat(Files.exists(root.resolve("samples/step-000000.png"))).isTrue();
  }

  /** {@code future.cancel(true)} costs no step: the run saves and can be resumed. */
  @Test
  void anInterruptStopsAfterItsStepAndSaves() throws IOException {
    Path root = folder.resolve("run");
    try (PixelPipeline pipeline = newModel()) {
      TrainingResult result =
          training(pipeline, DIGITS, root, 1e-3, 4)
              .withWatch(watch(2, 3, 4, 1, 2, true))
              .run(
                  report -> {
                    if (report.step() == 2) {
                      Thread.currentThread().interrupt();
                    }
                  });
      assertThat(Thread.interrupted()).isTrue(); // the caller sees it, too
      assertThat(result.progress().step()).isEqualTo(2);
      assertThat(result.isFinished()).isFalse();
    } finally {
      Thread.interrupted();
    }
    assertThat(Files.exists(root.resolve("checkpoints/step-000002"))).isTrue();
    assertThat(Files.readAllLines(root.resolve("metrics.csv"))).hasSize(3);
  }

  @Test
  void aValidationEndsWhenTheRunIsStoppedAndIsMeasuredLater() throws IOException {
    Path whole = folder.resolve("whole");
    train(whole, 1e-3, 4, quiet());
    Path root = folder.resolve("run");
    String[] task = {""};
    try (PixelPipeline pipeline = newModel()) {
      training(pipeline, DIGITS, root, 1e-3, 4)
          .withWatch(quiet())
          .run(
              new TrainingRun.Listener() {
                @Override
                public void onStep(StepReport report) {}

                @Override
                public void onTask(String name) {
                  task[0] = name;
                }

                @Override
                public boolean stopAsked() {
                  return task[0].contains("validation");
                }
              });
    }
    assertThat(Files.readAllLines(root.resolve("validation.csv"))).hasSize(1);
    assertThat(Files.readAllLines(root.resolve("metrics.csv"))).hasSize(3);
    train(root, 1e-3, 4, quiet());
    assertThat(Files.readAllLines(root.resolve("validation.csv")))
        .isEqualTo(Files.readAllLines(whole.resolve("validation.csv")));
  }

  /** The screen shows these, so nothing waits in silence. */
  @Test
  void saysWhatItDoesBeforeAndBetweenSteps() {
    List<String> said = new ArrayList<>();
    try (PixelPipeline pipeline = newModel()) {
      training(pipeline, DIGITS, folder.resolve("run"), 1e-3, 1)
          .withValidationShare(0.3)
          .withWatch(watch(1, 3, 4, 1, 1, false))
          .run(
              new TrainingRun.Listener() {
                @Override
                public void onTask(String task) {
                  said.add(task);
                }

                @Override
                public void onStep(StepReport report) {
                  said.add("step " + report.step());
                }
              });
    }
    assertThat(said)
        .containsAtLeast(
            "reading the pictures",
            "preparing the model",
            "drawing samples, step 1 of 3",
            "drawing samples, step 3 of 3",
            "step 1",
            "measuring the validation loss",
            "saving the model")
        .inOrder();
  }

  private static List<String> withoutSeconds(Path root) throws IOException {
    return Files.readAllLines(root.resolve("metrics.csv")).stream()
        .map(row -> row.replaceFirst(",[^,]*$", ""))
        .toList();
  }

  @Test
  void memoryDoesNotGrow() throws IOException {
    long before = Scope.liveTensors();
    long[] resident = new long[2];
    try (PixelPipeline pipeline = newModel()) {
      Dataset pictures = PictureList.random(200, 1, 8, 2, 1);
      training(pipeline, pictures, folder.resolve("run"), 1e-3, 300)
          .withWatch(watch(100, 3, 4, 100, 1, true))
          .run(
              report -> {
                if (report.step() == 100) {
                  resident[0] = residentKilobytes();
                } else if (report.step() == 300) {
                  resident[1] = residentKilobytes();
                }
              });
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
    assertThat(resident[1] - resident[0]).isLessThan(60_000L); // the Java heap included
  }

  @Test
  void aRunThatCannotStartFreesItsTensors() throws IOException {
    Path root = folder.resolve("run");
    train(root, 1e-3, 2, quiet());
    Files.writeString(root.resolve("metrics.csv"), "no,such,columns\n1,2,3\n");
    try (PixelPipeline pipeline = newModel()) {
      long before = Scope.liveTensors();
      Training resumed = training(pipeline, DIGITS, root, 1e-3, 4).withResume();
      assertThrows(SfumatoException.class, () -> resumed.run());
      assertThat(Scope.liveTensors()).isEqualTo(before);
    }
  }

  private static long residentKilobytes() {
    Path status = Path.of("/proc/self/status");
    assumeTrue(Files.exists(status), "this system has no /proc");
    try {
      return Files.readAllLines(status).stream()
          .filter(line -> line.startsWith("VmRSS:"))
          .mapToLong(line -> Long.parseLong(line.replaceAll("\\D", "")))
          .sum();
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }

  @Test
  void tellsThatTheRunEndsWithinTheWarmup() {
    assertThat(warmedUp("a", 3))
        .contains(
            "the warm-up takes 3 optimiser steps and the run 3, so the learning rate stays below"
                + " 1e-4: lower `lrWarmupSteps`");
    assertThat(warmedUp("b", 2)).isEmpty();
  }

  private String warmedUp(String name, long warmup) {
    LearningRate rate = new LearningRate(LearningRate.Kind.LINEAR, 1e-4, warmup);
    Runnable run =
        () -> {
          try (PixelPipeline pipeline = newModel()) {
            training(pipeline, DIGITS, folder.resolve(name), 1, 3)
                .withOptions(TrainingOptions.defaults().withMaxSteps(3).withLearningRate(rate))
                .withWatch(quiet())
                .run();
          }
        };
    return String.join("", LoggedMessages.of(run));
  }

  // ---- a small run

  private static void train(Path root, double rate, long steps, WatchOptions watch) {
    run(root, rate, steps, watch, Long.MAX_VALUE);
  }

  /** Starts a run or goes on with it, to {@code steps} or until {@code stopAt}. */
  private static void run(Path root, double rate, long steps, WatchOptions watch, long stopAt) {
    try (PixelPipeline pipeline = newModel()) {
      Training training = training(pipeline, DIGITS, root, rate, steps).withWatch(watch);
      Training next = Files.exists(root) ? training.withResume() : training;
      next.run(
          new TrainingRun.Listener() {
            private long last;

            @Override
            public void onStep(StepReport report) {
              last = report.step();
            }

            @Override
            public boolean stopAsked() {
              return last >= stopAt;
            }
          });
    }
  }

  private static Training training(
      PixelPipeline pipeline, Dataset pictures, Path root, double rate, long steps) {
    return Training.of(pipeline, pictures, root)
        .withOptions(
            TrainingOptions.defaults()
                .withMaxSteps(steps)
                .withGradientAccumulationSteps(2)
                .withLearningRate(rate)
                .withMaxGradNorm(0)
                .withEma(Ema.Settings.DEFAULTS))
        .withObjective(Objective.defaults().withClassDropout(0.1))
        .withBatches(new BatchOptions(4, true, true, 5))
        .withSeed(5)
        .withDevice(Device.CPU);
  }

  private static WatchOptions watch(
      long sampleEvery, int sampleSteps, int count, long every, int keep, boolean tensorboard) {
    return new WatchOptions(
        new WatchOptions.Samples(sampleEvery, sampleSteps, count, java.util.List.of()),
        new WatchOptions.Checkpoints(every, keep),
        tensorboard,
        Optional.empty());
  }

  private static WatchOptions quiet() {
    return WatchOptions.quiet().withCheckpointsKeep(1);
  }

  private static PixelPipeline newModel() {
    UNet2DConfig unet = SmallUNet.config(1 + 3).with("dropout", 0.1);
    ClassConditionedUNet denoiser =
        new ClassConditionedUNet(
            unet, new ClassConditioning(ClassConditioning.Type.CHANNELS, 2, 3));
    try (Rng random = new Rng(3)) {
      denoiser.reset(random);
    }
    return new PixelPipeline(denoiser, SchedulerConfig.ddpmDefaults().withTrainTimesteps(50));
  }
}
