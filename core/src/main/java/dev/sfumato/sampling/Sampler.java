package dev.sfumato.sampling;

import dev.sfumato.SfumatoException;
import dev.sfumato.model.Denoiser;
import dev.sfumato.scheduler.Run;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;

/**
 * Turns noise into pictures with a network and a scheduler.
 *
 * @param denoiser the network
 * @param scheduler the update rule
 */
public record Sampler(Denoiser denoiser, Scheduler scheduler) {

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
  }

  /**
   * Samples pictures. {@code random} draws the start noise of all of them in one call and then what
   * the scheduler needs, step by step.
   *
   * @return (count, C, H, W) as the last step left them, around [-1, 1] but not clamped
   * @throws SfumatoException if the options do not suit the model
   */
  public Tensor sample(SamplingOptions options, Rng random, Listener listener) {
    denoiser.unet().config().requireDivisible(options.height(), options.width());
    Device device = denoiser.parameters().values().iterator().next().device();
    try (Scope scope = Scope.open();
        Autograd.Recording off = Autograd.off()) {
      Tensor labels = labels(options).to(device);
      Tensor noise =
          random.normal(options.count(), denoiser.channels(), options.height(), options.width());
      Run run = scheduler.begin(options.steps(), options.run(), random);
      Tensor x = noise.to(device).mul(run.initNoiseSigma());
      for (Step step : run) {
        try (Scope inner = Scope.open()) {
          Tensor output = predict(run.scaleModelInput(x, step), step, labels, options);
          x = inner.replace(x, run.step(output, x, step));
          listener.onStep(step, x);
        }
      }
      return scope.keep(x);
    }
  }

  /** One prediction for all pictures, through the network in slices. */
  private Tensor predict(Tensor x, Step step, Tensor labels, SamplingOptions options) {
    List<Tensor> slices = new ArrayList<>();
    for (int from = 0; from < options.count(); from += options.batchSize()) {
      int size = Math.min(options.batchSize(), options.count() - from);
      slices.add(
          guided(
              x.narrow(0, from, size),
              step.timestep(),
              labels.narrow(0, from, size),
              options.classGuidanceScale()));
    }
    return slices.size() == 1 ? slices.get(0) : Tensor.cat(slices, 0);
  }

  /** Classifier-free guidance: {@code uncond + w (cond - uncond)}. */
  private Tensor guided(Tensor x, double timestep, Tensor labels, double guidanceScale) {
    Tensor timesteps = Tensor.full(timestep, x.size(0)).to(x.device());
    Tensor conditional = denoiser.forward(x, timesteps, labels);
    if (guidanceScale == 1) {
      return conditional;
    }
    Tensor noClass = Tensor.of(filled(x.size(0), Denoiser.NO_CLASS), x.size(0)).to(x.device());
    Tensor unconditional = denoiser.forward(x, timesteps, noClass);
    return unconditional.add(conditional.sub(unconditional).mul(guidanceScale));
  }

  private Tensor labels(SamplingOptions options) {
    long[] labels = filled(options.count(), Denoiser.NO_CLASS);
    if (options.labels().length > 0) {
      Arrays.stream(options.labels()).forEach(denoiser.conditioning()::requireLabel);
      Arrays.setAll(labels, i -> options.labels()[i % options.labels().length]);
    } else if (denoiser.conditioning().numClasses() > 0 && !denoiser.knowsNoClass()) {
      throw new SfumatoException(
          "the model is class-conditioned: say which of its "
              + denoiser.conditioning().numClasses()
              + " classes to draw with --class");
    }
    if (options.classGuidanceScale() != 1 && !denoiser.knowsNoClass()) {
      throw new SfumatoException(
          "--class-guidance-scale needs a model that was trained with --class-dropout");
    }
    return Tensor.of(labels, labels.length);
  }

  private static long[] filled(long length, long value) {
    long[] values = new long[(int) length];
    Arrays.fill(values, value);
    return values;
  }
}
