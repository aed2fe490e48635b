package dev.sfumato.studio;

import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.DataOptions;
import dev.sfumato.run.LossHistory;
import dev.sfumato.run.Method;
import dev.sfumato.run.Training;
import dev.sfumato.run.TrainingResult;
import dev.sfumato.run.TrainingRun;
import dev.sfumato.run.WatchOptions;
import dev.sfumato.tensor.Device;
import dev.sfumato.training.Objective;
import dev.sfumato.training.StepReport;
import dev.sfumato.training.Trainer;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Locale;
import java.util.Map;

/** Fine-tunes what the page asked for. Stopping it saves its state, from which it can resume. */
final class FittingWork implements Job.Work {
  /** The entry of a run's {@code config.json} that holds its form. */
  static final String NOTE = "studio";

  private static final int SAMPLES = 8;
  private static final int SAMPLE_STEPS = 25;

  private final Fitting asked;
  private final Path output;
  private final boolean resumes;
  private final StudioOptions options;
  private final LoadedModel drawn;

  FittingWork(
      Fitting asked, Path output, boolean resumes, StudioOptions options, LoadedModel drawn) {
    this.asked = asked;
    this.output = output;
    this.resumes = resumes;
    this.options = options;
    this.drawn = drawn;
  }

  @Override
  public Map<String, Object> run(Job job) {
    job.interruptible();
    Path model = DrawingWork.locate(asked.model(), job);
    job.saving(); // a training is asked to stop, not interrupted
    drawn.close(); // it needs the memory
    TrainingResult result = training(model).run(new Watcher(job));
    return Map.of(
        "run",
        output.toString(),
        "finished",
        result.isFinished(),
        "step",
        result.progress().step());
  }

  private Training training(Path model) {
    BatchOptions batches = BatchOptions.fineTuning();
    if (asked.batchSize() != null) {
      batches = batches.withBatchSize(asked.batchSize());
    }
    WatchOptions watch =
        WatchOptions.defaults()
            .withSampleCount(SAMPLES)
            .withSampleSteps(SAMPLE_STEPS)
            .withTensorboard(false);
    if (asked.sampleEvery() != null) {
      watch = watch.withSampleEvery(asked.sampleEvery());
    }
    Training training =
        Training.fineTuning(asked.model(), asked.data(), output)
            .withModelDirectory(model)
            .withOptions(options -> options.withMaxSteps(asked.steps()))
            .withBatches(batches)
            .withWatch(watch)
            .withDevice(Device.parse(options.device()))
            .withPrecision(options.precision())
            .withSeed(asked.seed() == null ? 0 : asked.seed())
            .withNotes(Map.of(NOTE, asked));
    if (asked.prompt() != null) {
      DataOptions usual = DataOptions.defaults();
      training = training.withPictures(usual.withTexts(usual.texts().withPrompt(asked.prompt())));
    }
    if (asked.learns().isPresent()) {
      training = byMethod(training, asked.learns().get());
    }
    if (asked.learningRate() != null) {
      training = training.withOptions(options -> options.withLearningRate(asked.learningRate()));
    }
    return resumes ? training.withResume() : training;
  }

  /** The recipe of a method, as docs/fine-tuning.md has it. */
  private static Training byMethod(Training training, Method method) {
    Training changed = training.withMethod(method);
    return method.kind() == Method.Kind.TEXTUAL_INVERSION
        ? changed
            .withOptions(options -> options.withMaxGradNorm(0))
            .withObjective(Objective.defaults().withCaptionDropout(0))
        : changed;
  }

  /** Tells the page of each step. */
  private static final class Watcher implements TrainingRun.Listener {
    private final Job job;
    private LossHistory history;
    private long total;
    private long pictures;
    private long begun;

    Watcher(Job job) {
      this.job = job;
    }

    @Override
    public void onStart(Trainer trainer, LossHistory losses) {
      history = losses;
      total = trainer.totalSteps();
      pictures = trainer.progress().images();
      begun = System.nanoTime();
      job.step(trainer.progress().step(), total);
    }

    @Override
    public void onTask(String task) {
      job.message(task);
    }

    @Override
    public void onStep(StepReport report) {
      double seconds = (System.nanoTime() - begun) / 1e9;
      job.step(report.step(), total);
      job.message(
          String.format(
              Locale.ROOT,
              "step %d of %d, epoch %d, loss %.4f, %.1f pictures a second%s",
              report.step(),
              total,
              report.epoch() + 1,
              history.recent(),
              (report.images() - pictures) / seconds,
              memory()));
    }

    @Override
    public boolean stopAsked() {
      return job.stopAsked();
    }

    /** The memory of the process, where the system tells it. */
    private static String memory() {
      Path file = Path.of("/proc/self/statm");
      try {
        long pages = Long.parseLong(Files.readString(file).split(" ")[1]);
        return String.format(Locale.ROOT, ", %.1f GB", pages * 4096 / 1e9);
      } catch (IOException | RuntimeException e) {
        return "";
      }
    }
  }
}
