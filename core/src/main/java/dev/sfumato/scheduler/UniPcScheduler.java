package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;

/**
 * Unified predictor-corrector (Zhao et al. 2023, 2302.04867): the model's output at the predicted
 * sample also corrects that sample, at no further evaluation.
 */
record UniPcScheduler(SchedulerConfig config, NoiseSchedule noiseSchedule) implements Scheduler {
  UniPcScheduler(SchedulerConfig config) {
    this(config, NoiseSchedule.of(config));
    SolverSettings settings = config.solver();
    if (settings.endsAtZero() && !settings.lowerOrderFinal() && settings.order() > 1) {
      throw new SfumatoException(
          "unipc of order "
              + settings.order()
              + " cannot reach noise zero: set lower_order_final to true, or final_sigmas_type to"
              + " sigma_min");
    }
    if (settings.endsAtZero() && !settings.predictX0()) {
      throw new SfumatoException(
          "unipc with predict_x0 false cannot reach noise zero: set final_sigmas_type to sigma_min");
    }
  }

  @Override
  public Run begin(int steps, RunOptions options, Rng noise) {
    Timesteps.requireNotOwn(SchedulerKind.UNIPC, options);
    List<Integer> timesteps =
        Timesteps.aboveFirst(
            config, config.timestepSpacing(), config.numTrainTimesteps() - 1, steps);
    boolean rounds = config.solver().sigmaSpacing() == SigmaSpacing.KARRAS;
    SigmaGrid grid =
        SigmaGrid.aboveFirst(
            config, new TrainedSigmas(noiseSchedule), timesteps, rounds ? Math::rint : Math::floor);
    return new UniPcRun(config, grid, noise);
  }

  private static final class UniPcRun extends LogSnrRun {
    private final SolverSettings settings;
    private final Memory outputs;
    private final Memory samples = new Memory(2);

    UniPcRun(SchedulerConfig config, SigmaGrid grid, Rng rng) {
      super(config, grid, rng);
      settings = config.solver();
      outputs = new Memory(settings.order() + 1);
    }

    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        int i = step.index();
        Tensor prediction = prediction(modelOutput, x);
        outputs.put(
            i, settings.predictX0() ? x0(prediction, x, step) : epsilon(prediction, x, step));
        boolean corrects = i > first() && !settings.disableCorrector().contains(i - 1);
        Tensor corrected = corrects ? move(samples.at(i - 1), i - 1, order(i - 1, step), true) : x;
        samples.put(i, corrected);
        return scope.keep(move(corrected, i, order(i, step), false));
      }
    }

    private int order(int index, Step step) {
      int left = settings.lowerOrderFinal() ? step.count() - index : settings.order();
      return Math.min(Math.min(settings.order(), left), index - first() + 1);
    }

    /**
     * Equations 3 and 8: {@code x} at level {@code from} moved to the next one, without or with the
     * model's output m_t there. For outputs that are x_0, and with -h and the other weights for
     * noise:
     *
     * <pre>
     * (1) D_k = (m_k - m_0) / r_k,  r_k = (lambda_k - lambda_0) / h;  D_t = m_t - m_0
     * (2) x_t = sigma_t / sigma_s x - alpha_t (e^-h - 1) m_0 - alpha_t B(h) (sum of rho_k D_k)
     * </pre>
     */
    private Tensor move(Tensor x, int from, int order, boolean corrects) {
      NoiseLevel s = level(from);
      NoiseLevel t = level(from + 1);
      float h = lambdaBetween(from, from + 1);
      float hh = settings.predictX0() ? -h : h;
      float phi = Floats.expm1(hh);
      float ratio = settings.predictX0() ? t.sigma() / s.sigma() : t.signal() / s.signal();
      float scale = settings.predictX0() ? t.signal() : t.sigma();
      Tensor m0 = outputs.at(from);
      Tensor next = x.mul(ratio).sub(m0.mul(scale * phi));

      float[] r = new float[order];
      for (int k = 1; k < order; k++) {
        r[k - 1] = -lambdaBetween(from - k, from) / h;
      }
      r[order - 1] = 1;
      float b = settings.type() == SolverType.BH1 ? hh : phi;
      double[] rho = UniPcWeights.of(r, hh, b, corrects);
      Tensor sum = corrects ? outputs.at(from + 1).sub(m0).mul(rho[order - 1]) : null;
      for (int k = 1; k < order; k++) {
        Tensor term = outputs.at(from - k).sub(m0).div(r[k - 1]).mul(rho[k - 1]);
        sum = sum == null ? term : sum.add(term);
      }
      return sum == null ? next : next.sub(sum.mul(scale * b));
    }
  }
}
