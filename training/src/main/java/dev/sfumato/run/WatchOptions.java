package dev.sfumato.run;

import static dev.sfumato.InvalidOptionException.require;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.tracking.MlflowSettings;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.Optional;

/**
 * Options for watching and saving a training run.
 *
 * @param samples the grids of sample pictures
 * @param checkpoints the saved states of the run
 * @param tensorboard whether TensorBoard event files are written; they hold histograms of weights
 *     and gradients for the steps that have sample grids
 * @param mlflow the MLflow server to log to, if any
 */
public record WatchOptions(
    Samples samples,
    Checkpoints checkpoints,
    boolean tensorboard,
    Optional<MlflowSettings> mlflow) {
  private static final WatchOptions DEFAULTS =
      new WatchOptions(
          new Samples(500, 50, 16, List.of()), new Checkpoints(500, 2), true, Optional.empty());

  /**
   * Grids of sample pictures.
   *
   * @param every optimiser steps between grids; 0 for only the last; otherwise one is drawn before
   *     the first step, too
   * @param steps scheduler steps of a sample
   * @param count pictures in a grid; 0 for no grids at all
   * @param prompts the texts that a text-to-image model draws in turn, each at least once; empty
   *     for captions of the training pictures
   */
  public record Samples(long every, int steps, int count, List<String> prompts) {
    /**
     * @throws InvalidOptionException if a number is out of range
     */
    public Samples {
      prompts = List.copyOf(prompts);
      require(every >= 0, "`sampleEvery` must not be negative");
      require(steps >= 1, "`sampleSteps` must be at least 1");
      require(count >= 0, "`sampleCount` must not be negative");
    }

    /** Returns the number of pictures in a grid: at least one of each text. */
    int drawn() {
      return count == 0 ? 0 : Math.max(count, prompts.size());
    }
  }

  /**
   * Saved states.
   *
   * @param every optimiser steps between checkpoints; 0 for only the last
   * @param keep the number of checkpoints to keep, the newest ones
   */
  public record Checkpoints(long every, int keep) {
    /**
     * @throws InvalidOptionException if a number is out of range
     */
    public Checkpoints {
      require(every >= 0, "`checkpointEvery` must not be negative");
      require(keep >= 1, "`checkpointsKeep` must be at least 1");
    }
  }

  /**
   * Returns a grid of 16 samples of 50 steps and a checkpoint every 500 optimiser steps, of which
   * two are kept; TensorBoard files, no MLflow.
   */
  public static WatchOptions defaults() {
    return DEFAULTS;
  }

  /** Returns no grids, only the last checkpoint, and no TensorBoard files. */
  public static WatchOptions quiet() {
    return DEFAULTS
        .withSampleEvery(0)
        .withSampleCount(0)
        .withCheckpointEvery(0)
        .withTensorboard(false);
  }

  /** Returns a copy with this number of optimiser steps between grids. */
  public WatchOptions withSampleEvery(long optimiserSteps) {
    return with(new Samples(optimiserSteps, samples.steps, samples.count, samples.prompts));
  }

  /** Returns a copy with this number of scheduler steps per sample. */
  public WatchOptions withSampleSteps(int schedulerSteps) {
    return with(new Samples(samples.every, schedulerSteps, samples.count, samples.prompts));
  }

  /** Returns a copy with this number of pictures in a grid. */
  public WatchOptions withSampleCount(int pictures) {
    return with(new Samples(samples.every, samples.steps, pictures, samples.prompts));
  }

  /** Returns a copy that draws these texts in turn, if the model draws texts. */
  public WatchOptions withPrompts(List<String> prompts) {
    return with(new Samples(samples.every, samples.steps, samples.count, prompts));
  }

  private WatchOptions with(Samples changed) {
    return new WatchOptions(changed, checkpoints, tensorboard, mlflow);
  }

  /** Returns a copy with this number of optimiser steps between checkpoints. */
  public WatchOptions withCheckpointEvery(long optimiserSteps) {
    return with(new Checkpoints(optimiserSteps, checkpoints.keep));
  }

  /** Returns a copy that keeps this number of checkpoints. */
  public WatchOptions withCheckpointsKeep(int count) {
    return with(new Checkpoints(checkpoints.every, count));
  }

  private WatchOptions with(Checkpoints changed) {
    return new WatchOptions(samples, changed, tensorboard, mlflow);
  }

  /** Returns a copy with or without TensorBoard files. */
  public WatchOptions withTensorboard(boolean on) {
    return new WatchOptions(samples, checkpoints, on, mlflow);
  }

  /** Returns a copy with an MLflow server. */
  public WatchOptions withMlflow(MlflowSettings server) {
    return new WatchOptions(samples, checkpoints, tensorboard, Optional.of(server));
  }

  /** Returns every option by its name in {@code config.json}. */
  Map<String, Object> settings() {
    Map<String, Object> settings = new LinkedHashMap<>();
    settings.put("sample_every", samples.every);
    settings.put("sample_steps", samples.steps);
    settings.put("sample_count", samples.count);
    settings.put("validation_prompt", samples.prompts);
    settings.put("checkpoint_every", checkpoints.every);
    settings.put("checkpoints_keep", checkpoints.keep);
    return settings;
  }
}
