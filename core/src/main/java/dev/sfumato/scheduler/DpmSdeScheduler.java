package dev.sfumato.scheduler;

import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.OptionalLong;

/**
 * DPM-Solver++ (2S) made stochastic by ancestral noise, drawn from one Brownian motion over sigma
 * so that the same seed gives similar pictures with any number of steps (k-diffusion's {@code
 * sample_dpmpp_sde}). A run of n steps evaluates the model 2n - 1 times; each is a {@link Step}.
 *
 * <p>The Brownian motion is torchsde's: see {@link BrownianTree}. Its seed is {@code
 * noise_sampler_seed}; without one it is drawn from the run's generator, as diffusers draws it from
 * PyTorch's global one. Pictures equal diffusers' only to about 1e-3, as do diffusers' own on
 * different machines: a sigma that differs in its last bit shifts a time of the motion, and the
 * root of the shift appears as noise.
 */
record DpmSdeScheduler(SchedulerConfig config, NoiseSchedule noiseSchedule) implements Scheduler {
  DpmSdeScheduler(SchedulerConfig config) {
    this(config.requireNoSamplePrediction(), NoiseSchedule.of(config));
  }

  @Override
  public int evaluationsPerStep() {
    return 2;
  }

  @Override
  public Run begin(int steps, RunOptions options, Rng noise) {
    Timesteps.requireNotOwn(SchedulerKind.DPMSOLVER_SDE, options);
    TrainedSigmas trained = new TrainedSigmas(noiseSchedule);
    SigmaGrid grid =
        SigmaGrid.fromEndToEnd(config, trained, Timesteps.fractional(config, steps), 0);
    double churn = options.churn().noise();
    return new SdeRun(config, grid.withMiddles(trained, (sigma, next) -> next), churn, noise);
  }

  /** Returns t = -log(sigma). */
  private static float logOf(float sigma) {
    return -Floats.log(sigma);
  }

  private static float sigmaOf(float t) {
    return Floats.exp(-t);
  }

  private static final class SdeRun extends SigmaRun {
    private final Memory starts = new Memory(1);
    private final OptionalLong seed;
    private final double scale;
    private final Rng rng;
    private BrownianTree motion;

    SdeRun(SchedulerConfig config, SigmaGrid grid, double scale, Rng rng) {
      super(config, grid, rng);
      this.seed = config.solver().noiseSamplerSeed();
      this.scale = scale;
      this.rng = rng;
    }

    /**
     * Steps from sigma = e^-t at the start to sigma' in the middle, with x_0 from the start, then
     * to sigma' at the end, with x_0 from the middle:
     *
     * <pre>
     * (1) sigma_up^2 = sigma'^2 (sigma^2 - sigma'^2) / sigma^2
     * (2) sigma_down^2 = sigma'^2 - sigma_up^2 = e^(-2 t_down)
     * (3) x' = sigma_down / sigma x - (e^(t - t_down) - 1) x_0 + sigma_up z
     * </pre>
     *
     * The last step, to noise zero, is Euler's.
     */
    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        int i = step.index();
        Tensor x0 = x0(prediction(modelOutput, x), x, step);
        if (motion == null) {
          motion = motion(x);
        }
        if (next(step) == 0) {
          return scope.keep(x.add(derivative(x, x0, sigma(step)).mul(-sigma(step))));
        }
        int start = i - i % 2;
        if (i == start) {
          starts.put(i, x);
        }
        float t = logOf(sigmas[start]);
        float from = sigmaOf(t);
        float to = i == start ? next(step) : sigmaOf(logOf(next(step)));
        float variance = from * from;
        float up = Math.min(to, Floats.sqrt(to * to * (variance - to * to) / variance));
        float tDown = logOf(Floats.sqrt(to * to - up * up));

        Tensor mean =
            starts.at(start).mul(sigmaOf(tDown) / from).sub(x0.mul(Floats.expm1(t - tDown)));
        return scope.keep(mean.add(noise(x, from, to).mul(scale).mul(up)));
      }
    }

    /** {@inheritDoc} Between the halves of a step, it is the noise of the step's end. */
    @Override
    public Tensor addNoise(Tensor x0, Tensor noise, Step step) {
      boolean between = step.index() % 2 == 1;
      return Scope.run(() -> x0.add(noise.mul(between ? next(step) : sigma(step))));
    }

    private BrownianTree motion(Tensor x) {
      long entropy = seed.orElseGet(() -> rng.integers(0, Long.MAX_VALUE, 1).toLongs()[0]);
      return new BrownianTree(sigmas[sigmas.length - 2], sigmas[0], entropy, x.shape());
    }

    /** Returns the motion's increment while sigma falls, divided by its standard deviation. */
    private Tensor noise(Tensor x, float from, float to) {
      Tensor fall = motion.increment(to, from).neg().div(Floats.sqrt(from - to));
      return fall.to(x.device()).to(x.dtype());
    }
  }
}
