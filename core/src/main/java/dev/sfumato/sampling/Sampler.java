package dev.sfumato.sampling;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.ConditionedDenoiser;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.Prediction;
import dev.sfumato.model.Denoiser;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.Arrays;

/**
 * Turns noise into pictures with a network and a scheduler.
 *
 * @param denoiser the network
 * @param scheduler the update rule
 * @param guidance what steers
 */
public record Sampler(Denoiser denoiser, Scheduler scheduler, Guidance guidance) {

  /** Watches a run; what it is handed is freed after the call. */
  @FunctionalInterface
  public interface Listener {
    /**
     * Called after each step.
     *
     * @param step the step
     * @param x the pictures (B, C, H, W) after it
     */
    void onStep(Step step, Tensor x);

    /** Called before each step with what it is going to be taken with. */
    default void onPrediction(Step step, Prediction prediction) {}
  }

  /** Samples without guidance. */
  public Sampler(Denoiser denoiser, Scheduler scheduler) {
    this(denoiser, scheduler, Guidance.NONE);
  }

  /**
   * Samples pictures. {@code random} draws the start noise of all of them in one call and then,
   * step by step, what the guidance and what the scheduler needs.
   *
   * @return (count, C, H, W) as the last step left them, around [-1, 1] but not clamped
   * @throws SfumatoException if the options do not suit the model
   */
  public Tensor sample(SamplingOptions options, Rng random, Listener listener) {
    denoiser.unet().config().requireDivisible(options.height(), options.width());
    Device device = denoiser.parameters().values().iterator().next().device();
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      ConditionedDenoiser conditioned =
          new ConditionedDenoiser(
              denoiser,
              scheduler.config().predictionType(),
              labels(options).to(device),
              options.classGuidance(),
              options.batchSize());
      Tensor noise =
          random.normal(options.count(), denoiser.channels(), options.height(), options.width());
      Run run = scheduler.begin(options.steps(), options.run(), random);
      Tensor x = noise.to(device).mul(run.initNoiseSigma());
      for (Step step : run) {
        try (Scope inner = Scope.open()) {
          Prediction prediction = guidance.steer(conditioned, run, step, x, random);
          listener.onPrediction(step, prediction);
          x = inner.replace(x, run.step(prediction.modelOutput(), prediction.x(), step));
          listener.onStep(step, x);
        }
      }
      return scope.keep(guidance.finish(x));
    }
  }

  private Tensor labels(SamplingOptions options) {
    long[] labels = new long[options.count()];
    Arrays.fill(labels, Denoiser.NO_CLASS);
    if (options.labels().length > 0) {
      Arrays.stream(options.labels()).forEach(denoiser.conditioning()::requireLabel);
      Arrays.setAll(labels, i -> options.labels()[i % options.labels().length]);
    } else if (denoiser.conditioning().numClasses() > 0 && !denoiser.knowsNoClass()) {
      throw new SfumatoException(
          "the model is class-conditioned: say which of its "
              + denoiser.conditioning().numClasses()
              + " classes to draw with --class");
    }
    return Tensor.of(labels, labels.length);
  }
}
