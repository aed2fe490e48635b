package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/**
 * Diffusion exponential integrator sampler (Zhang and Chen 2022, 2204.13902), with polynomials in
 * log(rho), rho = sigma / alpha, of the model's last outputs. It ends at the smallest trained
 * sigma.
 */
record DeisScheduler(SchedulerConfig config, NoiseSchedule noiseSchedule) implements Scheduler {
  DeisScheduler(SchedulerConfig config) {
    this(config, NoiseSchedule.of(config));
    if (config.solver().algorithm().isStochastic()) {
      throw new SfumatoException(
          "algorithm_type "
              + config.solver().algorithm()
              + " is not supported by deis: set it to deis, or use dpmsolver++");
    }
  }

  @Override
  public Run begin(int steps, RunOptions options, Rng noise) {
    Timesteps.requireNotOwn(SchedulerKind.DEIS, options);
    List<Integer> timesteps =
        Timesteps.aboveFirst(
            config, config.timestepSpacing(), config.numTrainTimesteps() - 1, steps);
    boolean rounds = config.solver().sigmaSpacing() == SigmaSpacing.KARRAS;
    SigmaGrid grid =
        SigmaGrid.aboveFirst(
            config, new TrainedSigmas(noiseSchedule), timesteps, rounds ? Math::rint : Math::floor);
    return new DeisRun(config, grid, noise);
  }

  private static final class DeisRun extends LogSnrRun {
    private static final int HIGHEST_ORDER = 3;
    private static final int SHORT = 15;

    private final Memory outputs = new Memory(HIGHEST_ORDER);
    private final SolverSettings settings;

    DeisRun(SchedulerConfig config, SigmaGrid grid, Rng rng) {
      super(config, grid, rng);
      settings = config.solver();
    }

    /**
     * Solves the ODE d(x / alpha) / d rho = eps. With l_j Lagrange's polynomials in log(rho):
     *
     * <pre>
     * (1) x_t = alpha_t / alpha_s x - sigma_t (e^h - 1) eps                          order 1
     * (2) x_t = alpha_t (x / alpha_s + sum over j of eps_j integral of l_j d rho)    order 2, 3
     * </pre>
     */
    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        int i = step.index();
        // Through x_0, thresholded or not, as diffusers does.
        Tensor x0 = x0(prediction(modelOutput, x), x, step);
        outputs.put(i, epsilonOfX0(x0, x, step));
        int order = order(step);
        NoiseLevel s = level(i);
        NoiseLevel t = level(i + 1);
        if (order == 1) {
          float growth = Floats.exp(lambdaBetween(i, i + 1)) - 1;
          return scope.keep(
              x.mul(t.signal() / s.signal()).sub(outputs.at(i).mul(t.sigma() * growth)));
        }
        Tensor sum = x.div(s.signal());
        for (int j = 0; j < order; j++) {
          sum = sum.add(outputs.at(i - j).mul(weight(i, j, order)));
        }
        return scope.keep(sum.mul(t.signal()));
      }
    }

    private int order(Step step) {
      int left = step.count() - step.index();
      boolean lowerFinal = settings.lowerOrderFinal() && step.count() < SHORT;
      int most = lowerFinal ? Math.min(left, HIGHEST_ORDER) : HIGHEST_ORDER;
      return Math.min(Math.min(settings.order(), most), outputs.size());
    }

    /** Computes the integral in (2) of l_j, which is 1 at step i - j and 0 at the other steps. */
    private float weight(int i, int j, int order) {
      float b = Floats.log(rho(i - j));
      float c = Floats.log(rho(i - (j + 1) % order));
      if (order == 2) {
        return integral(rho(i + 1), b, c) - integral(rho(i), b, c);
      }
      float d = Floats.log(rho(i - (j + 2) % order));
      return integral(rho(i + 1), b, c, d) - integral(rho(i), b, c, d);
    }

    private float rho(int index) {
      return level(index).sigma() / level(index).signal();
    }

    /** Integrates (log(rho) - c) / (b - c). */
    private static float integral(float rho, float b, float c) {
      return rho * (-c + Floats.log(rho) - 1) / (b - c);
    }

    /** Integrates (log(rho) - c) (log(rho) - d) / ((b - c) (b - d)). */
    private static float integral(float rho, float b, float c, float d) {
      float l = Floats.log(rho);
      return rho * (c * (d - l + 1) - d * l + d + l * l - 2 * l + 2) / ((b - c) * (b - d));
    }
  }
}
