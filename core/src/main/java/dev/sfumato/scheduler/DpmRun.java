package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Tensor;

/** The base of the two forms of DPM-Solver. */
abstract class DpmRun extends LogSnrRun {
  static final int HIGHEST_ORDER = 3;

  final Memory outputs = new Memory(HIGHEST_ORDER);
  final boolean heun;
  private final AlgorithmType algorithm;

  DpmRun(SchedulerConfig config, SigmaGrid grid, Rng rng) {
    super(config, grid, rng);
    this.algorithm = config.solver().algorithm();
    this.heun = config.solver().type() == SolverType.HEUN;
  }

  /** Returns {@code config} if DPM-Solver can use it. */
  static SchedulerConfig checked(SchedulerConfig config) {
    SolverSettings settings = config.solver();
    AlgorithmType algorithm = settings.algorithm();
    boolean ofNoise =
        algorithm == AlgorithmType.DPMSOLVER || algorithm == AlgorithmType.SDE_DPMSOLVER;
    if (ofNoise && settings.endsAtZero()) {
      throw new SfumatoException(
          "algorithm_type "
              + algorithm
              + " cannot reach noise zero: set final_sigmas_type to sigma_min, or use "
              + algorithm
              + "++");
    }
    return config;
  }

  /** Remembers the model's x_0 or noise at {@code step}. */
  final void remember(Tensor modelOutput, Tensor x, Step step) {
    Tensor prediction = prediction(modelOutput, x);
    boolean ofNoise =
        algorithm == AlgorithmType.DPMSOLVER || algorithm == AlgorithmType.SDE_DPMSOLVER;
    outputs.put(
        step.index(), ofNoise ? limitedEpsilon(prediction, x, step) : x0(prediction, x, step));
  }

  final DpmWeights weights(int from, int to) {
    return DpmWeights.of(algorithm, level(from), level(to));
  }

  /** Returns {@code mean} plus the equation's noise, if it has any, in the current scope. */
  final Tensor noised(Tensor mean, DpmWeights w) {
    return algorithm.isStochastic() ? mean.add(noise(mean).mul(w.noise())) : mean;
  }
}
