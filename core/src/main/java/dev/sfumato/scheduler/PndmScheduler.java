package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;

/**
 * Pseudo numerical methods (Liu et al. 2022, 2202.09778): three steps of Runge-Kutta, each of four
 * evaluations, then a linear multistep method. Without Runge-Kutta the multistep method starts by
 * evaluating its second timestep twice.
 */
record PndmScheduler(SchedulerConfig config, NoiseSchedule noiseSchedule) implements Scheduler {
  private static final int ORDER = 4;
  private static final int RUNGE_KUTTA_STEPS = 3;

  PndmScheduler(SchedulerConfig config) {
    this(config.requireNoSamplePrediction(), NoiseSchedule.of(config));
  }

  @Override
  public Run begin(int steps, RunOptions options, Rng noise) {
    Timesteps.requireNotOwn(SchedulerKind.PNDM, options);
    List<Integer> timesteps = Timesteps.spaced(config, steps);
    boolean skip = config.solver().skipPrkSteps();
    if (!skip && steps < ORDER) {
      throw new SfumatoException("pndm needs at least 4 steps unless skip_prk_steps is true");
    }
    int stride = config.numTrainTimesteps() / steps;
    List<Integer> visited = skip ? withoutWarmUp(timesteps) : withWarmUp(timesteps, stride / 2);
    return new PndmRun(this, visited, stride, noise);
  }

  private static List<Integer> withoutWarmUp(List<Integer> timesteps) {
    List<Integer> visited = new ArrayList<>(timesteps);
    if (timesteps.size() > 1) {
      visited.add(1, timesteps.get(1));
    }
    return visited;
  }

  /** Each Runge-Kutta step: its start, the middle twice, the end. */
  private static List<Integer> withWarmUp(List<Integer> timesteps, int half) {
    List<Integer> visited = new ArrayList<>();
    for (int i = 0; i < RUNGE_KUTTA_STEPS; i++) {
      int end = timesteps.get(i + 1);
      visited.addAll(List.of(timesteps.get(i), end + half, end + half, end));
    }
    visited.addAll(timesteps.subList(RUNGE_KUTTA_STEPS, timesteps.size()));
    return visited;
  }

  private static final class PndmRun extends DiscreteRun {
    private final int warmUp;
    private final int stride;
    private final float lastAlphaCumprod;
    private final Memory start = new Memory(1);
    private final Memory stages = new Memory(ORDER);
    private final Memory epsilons = new Memory(ORDER);

    PndmRun(PndmScheduler scheduler, List<Integer> visited, int stride, Rng rng) {
      super(scheduler, visited, rng);
      this.warmUp = scheduler.config.solver().skipPrkSteps() ? 0 : ORDER * RUNGE_KUTTA_STEPS;
      this.stride = stride;
      this.lastAlphaCumprod = scheduler.config.setAlphaToOne() ? 1 : alphaCumprod(0);
    }

    @Override
    public Tensor step(Tensor modelOutput, Tensor x, Step step) {
      try (Scope scope = Scope.open()) {
        Tensor output = prediction(modelOutput, x);
        boolean multistep = place(step) >= warmUp;
        return scope.keep(multistep ? multistep(output, x, step) : rungeKutta(output, x, step));
      }
    }

    /** How many evaluations came before, of which a run that begins in the middle has none. */
    private int place(Step step) {
      return step.index() - first();
    }

    @Override
    SolverRun beginAt(int index) {
      if (warmUp > 0) {
        throw new SfumatoException(
            "pndm begins in the middle only without Runge-Kutta steps: set skip_prk_steps to true");
      }
      return super.beginAt(index);
    }

    /**
     * Equation 13: e = (e_1 + 2 e_2 + 2 e_3 + e_4) / 6 from four evaluations; the first three lead
     * half a stride, half a stride and a stride from where the first began.
     */
    private Tensor rungeKutta(Tensor output, Tensor x, Step step) {
      int i = step.index();
      int stage = i % ORDER;
      int first = i - stage;
      if (stage == 0) {
        start.put(i, x);
        epsilons.put(i / ORDER, output);
      }
      stages.put(i, output);
      Tensor e = output;
      if (stage == 3) {
        Tensor outer = stages.at(first).add(output).div(6);
        e = stages.at(first + 1).add(stages.at(first + 2)).div(3).add(outer);
      }
      int to = timestep(step) - (stage % 2 == 0 ? stride / 2 : 0);
      return transfer(start.at(first), timestep(first), to, e);
    }

    /**
     * Equation 12: e from the last four evaluations, fewer at the beginning. Without warm-up the
     * second evaluation, at the end of the first step, corrects that step; in a run that begins in
     * the middle the second does so too, and the third leads from there, as in diffusers.
     */
    private Tensor multistep(Tensor output, Tensor x, Step step) {
      int t = timestep(step);
      if (warmUp == 0 && place(step) == 1) {
        Tensor mean = output.add(epsilons.at(0)).div(2);
        return transfer(start.at(0), t + stride, t, mean);
      }
      int i = warmUp == 0 ? Math.max(place(step) - 1, 0) : place(step) - warmUp + 3;
      if (place(step) == 0) {
        start.put(0, x);
      }
      epsilons.put(i, output);
      Tensor e =
          switch (epsilons.size()) {
            case 1 -> output;
            case 2 -> output.mul(3).sub(epsilons.at(i - 1)).div(2);
            case 3 ->
                output
                    .mul(23)
                    .sub(epsilons.at(i - 1).mul(16))
                    .add(epsilons.at(i - 2).mul(5))
                    .div(12);
            default ->
                output
                    .mul(55)
                    .sub(epsilons.at(i - 1).mul(59))
                    .add(epsilons.at(i - 2).mul(37))
                    .sub(epsilons.at(i - 3).mul(9))
                    .mul(1 / 24.0);
          };
      return transfer(x, t, t - stride, e);
    }

    /**
     * Equation 11: x moved from timestep {@code t} to {@code to} as if e were the noise in it.
     *
     * <pre>x' = sqrt(a' / a) x - (a' - a) e / (a sqrt(1 - a') + sqrt(a (1 - a) a'))</pre>
     */
    private Tensor transfer(Tensor x, int t, int to, Tensor e) {
      float a = alphaCumprod(t);
      float next = to < 0 ? lastAlphaCumprod : alphaCumprod(to);
      Tensor epsilon = NoiseLevel.ofAlphaCumprod(a).epsilon(predictionType, e, x);
      float divisor = a * Floats.sqrt(1 - next) + Floats.sqrt(a * (1 - a) * next);
      return x.mul(Floats.sqrt(next / a)).sub(epsilon.mul(next - a).div(divisor));
    }
  }
}
