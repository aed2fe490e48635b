package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import java.util.function.DoubleUnaryOperator;

/**
 * DPM-Solver and DPM-Solver++ of order 1 to 3 with the model's outputs at earlier steps in place of
 * further evaluations (Lu et al. 2022, 2211.01095, algorithm 2).
 */
record DpmMultistepScheduler(SchedulerConfig config, NoiseSchedule noiseSchedule)
    implements Scheduler {
  DpmMultistepScheduler(SchedulerConfig config) {
    this(DpmRun.checked(config), NoiseSchedule.of(config));
    SolverSettings settings = config.solver();
    if (settings.algorithm() == AlgorithmType.SDE_DPMSOLVER && settings.order() > 2) {
      throw new SfumatoException(
          "algorithm_type sde-dpmsolver has no order 3: set solver_order to 2, or use"
              + " sde-dpmsolver++");
    }
  }

  @Override
  public Run begin(int steps, RunOptions options, Rng noise) {
    TrainedSigmas trained = new TrainedSigmas(noiseSchedule);
    int last = trained.lastAbove(config.solver().lambdaMinClipped());
    List<Integer> timesteps =
        options.timesteps().isEmpty()
            ? Timesteps.aboveFirst(config, config.timestepSpacing(), last, steps)
            : Timesteps.own(config, steps, options.timesteps());
    SigmaGrid grid = SigmaGrid.aboveFirst(config, trained, timesteps, whole(config));
    return new MultistepRun(config, grid, noise);
  }

  private static DoubleUnaryOperator whole(SchedulerConfig config) {
    SigmaSpacing spacing = config.solver().sigmaSpacing();
    boolean rounds = spacing == SigmaSpacing.KARRAS || spacing == SigmaSpacing.LU;
    return rounds && config.betaSchedule() != BetaSchedule.SQUAREDCOS_CAP_V2
        ? Math::rint
        : Math::floor;
  }

  private static final class MultistepRun extends DpmRun {
    /** The number of steps below which a run ends with a lower order to stay stable. */
    private static final int SHORT = 15;

    private final SolverSettings settings;

    MultistepRun(SchedulerConfig config, SigmaGrid grid, Rng rng) {
      super(config, grid, rng);
      settings = config.solver();
    }

    /**
     * Takes a step with the model's last outputs m_0, m_1, m_2, and h_j the lambda between them as
     * shares r_j of h:
     *
     * <pre>
     * (1) D_0 = m_0
     * (2) D_1 = (m_0 - m_1) / r_0                                            order 2
     * (3) D_10 = (m_0 - m_1) / r_0,  D_11 = (m_1 - m_2) / r_1                order 3
     *     D_1 = D_10 + r_0 / (r_0 + r_1) (D_10 - D_11)
     *     D_2 = (D_10 - D_11) / (r_0 + r_1)
     * </pre>
     */
    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        remember(modelOutput, x, step);
        int i = step.index();
        int order = order(step);
        DpmWeights w = weights(i, i + 1);
        Tensor m0 = outputs.at(i);
        Tensor next = x.mul(w.x()).add(m0.mul(w.d0()));
        if (order == 1) {
          return scope.keep(noised(next, w));
        }
        float h = lambdaBetween(i, i + 1);
        float r0 = lambdaBetween(i - 1, i) / h;
        Tensor slope = m0.sub(outputs.at(i - 1)).mul(1 / r0);
        if (order == 2) {
          next = next.add(slope.mul(heun ? w.heun() : w.midpoint()));
          return scope.keep(noised(next, w));
        }
        float r1 = lambdaBetween(i - 2, i - 1) / h;
        Tensor earlier = outputs.at(i - 1).sub(outputs.at(i - 2)).mul(1 / r1);
        Tensor bend = slope.sub(earlier);
        Tensor d1 = slope.add(bend.mul(r0 / (r0 + r1)));
        Tensor d2 = bend.mul(1 / (r0 + r1));
        return scope.keep(noised(next.add(d1.mul(w.heun())).add(d2.mul(w.d2())), w));
      }
    }

    private int order(Step step) {
      int left = step.count() - step.index();
      boolean lowerFinal = settings.lowerOrderFinal() && step.count() < SHORT;
      if (left == 1 && (settings.eulerAtFinal() || settings.endsAtZero() || lowerFinal)) {
        return 1;
      }
      int most = left == 2 && lowerFinal ? 2 : HIGHEST_ORDER;
      return Math.min(Math.min(settings.order(), most), outputs.size());
    }
  }
}
