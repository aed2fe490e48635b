package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/**
 * DPM-Solver and DPM-Solver++ in blocks of as many evaluations as the order, each block from the
 * sample at its start (Lu et al. 2022, 2211.01095, algorithm 1). The last step has order 1 if the
 * run ends at noise zero, or is a whole number of blocks and must not end with a full one.
 */
record DpmSinglestepScheduler(SchedulerConfig config, NoiseSchedule noiseSchedule)
    implements Scheduler {
  DpmSinglestepScheduler(SchedulerConfig config) {
    this(DpmRun.checked(config), NoiseSchedule.of(config));
    SolverSettings settings = config.solver();
    if (settings.order() > DpmRun.HIGHEST_ORDER) {
      throw new SfumatoException(
          "solver_order must be 1 to 3 for dpmsolver_singlestep, not " + settings.order());
    }
    if (settings.algorithm() == AlgorithmType.SDE_DPMSOLVER) {
      throw new SfumatoException(
          "algorithm_type sde-dpmsolver is not supported by dpmsolver_singlestep: use"
              + " sde-dpmsolver++");
    }
  }

  @Override
  public Run begin(int steps, RunOptions options, Rng noise) {
    TrainedSigmas trained = new TrainedSigmas(noiseSchedule);
    int last = trained.lastAbove(config.solver().lambdaMinClipped());
    List<Integer> timesteps =
        options.timesteps().isEmpty()
            ? Timesteps.aboveFirst(config, TimestepSpacing.LINSPACE, last, steps)
            : Timesteps.own(config, steps, options.timesteps());
    boolean rounds = config.solver().sigmaSpacing() == SigmaSpacing.KARRAS;
    SigmaGrid grid =
        SigmaGrid.aboveFirst(config, trained, timesteps, rounds ? Math::rint : Math::floor);
    return new SinglestepRun(config, grid, noise);
  }

  private static final class SinglestepRun extends DpmRun {
    private final Memory starts = new Memory(1);
    private final SolverSettings settings;

    SinglestepRun(SchedulerConfig config, SigmaGrid grid, Rng rng) {
      super(config, grid, rng);
      settings = config.solver();
    }

    /**
     * Steps from the block's start s with the model's outputs m_s there, and m_1, m_0 after it, at
     * the shares r_1, r_0 of h:
     *
     * <pre>
     * (1) D_0 = m_s
     * (2) D_1 = (m_0 - m_s) / r_0                                  order 2, and 3 by midpoint
     * (3) D_10 = (m_1 - m_s) / r_1,  D_11 = (m_0 - m_s) / r_0      order 3
     *     D_1 = (r_0 D_10 - r_1 D_11) / (r_0 - r_1)
     *     D_2 = 2 (D_11 - D_10) / (r_0 - r_1)
     * </pre>
     */
    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        remember(modelOutput, x, step);
        int i = step.index();
        int order = Math.min(order(step), outputs.size());
        int s = i - order + 1;
        if (order == 1) {
          starts.put(i, x);
        }
        DpmWeights w = weights(s, i + 1);
        Tensor start = outputs.at(s);
        Tensor next = starts.at(s).mul(w.x()).add(start.mul(w.d0()));
        if (order == 1) {
          return scope.keep(noised(next, w));
        }
        float h = lambdaBetween(s, i + 1);
        float r0 = lambdaBetween(s, i) / h;
        Tensor slope = outputs.at(i).sub(start).mul(1 / r0);
        if (order == 2) {
          next = next.add(slope.mul(heun ? w.heun() : w.midpoint()));
        } else if (!heun) {
          next = next.add(slope.mul(w.heun()));
        } else {
          float r1 = lambdaBetween(s, i - 1) / h;
          Tensor first = outputs.at(i - 1).sub(start).mul(1 / r1);
          Tensor d1 = first.mul(r0).sub(slope.mul(r1)).div(r0 - r1);
          Tensor d2 = slope.sub(first).mul(2).div(r0 - r1);
          next = next.add(d1.mul(w.heun())).add(d2.mul(w.d2()));
        }
        return scope.keep(noised(next, w));
      }
    }

    private int order(Step step) {
      boolean wholeBlocks = step.count() % settings.order() == 0;
      boolean last = step.index() == step.count() - 1;
      boolean lowersLast = settings.endsAtZero() || settings.lowerOrderFinal() && wholeBlocks;
      return last && lowersLast ? 1 : step.index() % settings.order() + 1;
    }
  }
}
