package dev.sfumato.scheduler;

import dev.sfumato.SfumatoException;
import java.util.List;
import java.util.OptionalDouble;
import java.util.OptionalLong;
import java.util.stream.Stream;

/**
 * The settings of a {@link SchedulerConfig} that only some solvers use.
 *
 * @param sigmaSpacing the spacing of the noise levels
 * @param sigmaMin the smallest sigma of a spacing; empty for the schedule's
 * @param sigmaMax the largest sigma of a spacing; empty for the schedule's
 * @param endsAtZero whether the last step goes to the clean picture or to the smallest sigma
 * @param logLinear Euler: whether sigmas lie evenly in log(sigma), independent of the timesteps
 * @param continuous Euler: whether a model of velocities gets log(sigma) / 4 instead of timesteps
 * @param order DPM-Solver, DEIS, UniPC: the number of model outputs that a step combines
 * @param algorithm DPM-Solver: the equation to solve
 * @param type DPM-Solver, UniPC: the approximation of the integral
 * @param lowerOrderFinal whether the last steps of short runs are of lower order
 * @param eulerAtFinal DPM-Solver: whether the last step is of order 1
 * @param lambdaMinClipped DPM-Solver: the smallest lambda = log(signal / sigma) to start from
 * @param predictX0 UniPC: whether it combines clean pictures instead of noises
 * @param disableCorrector UniPC: the steps without correction after them
 * @param skipPrkSteps PNDM: whether it starts without Runge-Kutta steps
 * @param originalInferenceSteps LCM, TCD: the steps of the teacher that the model was distilled
 *     from
 * @param timestepScaling LCM: a larger value lowers the weight of x itself in the clean picture
 * @param noiseSamplerSeed DPM-Solver-SDE: the seed of its Brownian motion; empty to draw one
 */
record SolverSettings(
    SigmaSpacing sigmaSpacing,
    OptionalDouble sigmaMin,
    OptionalDouble sigmaMax,
    boolean endsAtZero,
    boolean logLinear,
    boolean continuous,
    int order,
    AlgorithmType algorithm,
    SolverType type,
    boolean lowerOrderFinal,
    boolean eulerAtFinal,
    double lambdaMinClipped,
    boolean predictX0,
    List<Integer> disableCorrector,
    boolean skipPrkSteps,
    int originalInferenceSteps,
    double timestepScaling,
    OptionalLong noiseSamplerSeed) {

  /**
   * @throws SfumatoException naming the first key that is wrong
   */
  static SolverSettings of(Settings settings) {
    for (String flow : List.of("use_flow_sigmas", "use_dynamic_shifting")) {
      require(!settings.truth(flow), flow + " is not supported: set it to false");
    }
    require(settings.maybeText("solver_p").isEmpty(), "solver_p is not supported: set it to null");
    double lambdaMin = settings.numberOrInfinity("lambda_min_clipped");
    require(lambdaMin < 5, "lambda_min_clipped must be below 5");
    int order = settings.integer("solver_order");
    require(order >= 1 && order <= 10, "solver_order must be 1 to 10");
    require(settings.number("timestep_scaling") > 0, "timestep_scaling must be above 0");
    require(
        settings.integer("original_inference_steps") >= 1,
        "original_inference_steps must be 1 or more");
    return new SolverSettings(
        spacing(settings),
        positive(settings, "sigma_min"),
        positive(settings, "sigma_max"),
        settings.either("final_sigmas_type", "zero", "sigma_min"),
        settings.either("interpolation_type", "log_linear", "linear"),
        settings.either("timestep_type", "continuous", "discrete"),
        order,
        AlgorithmType.parse(settings.text("algorithm_type")),
        SolverType.parse(settings.text("solver_type")),
        settings.truth("lower_order_final"),
        settings.truth("euler_at_final"),
        lambdaMin,
        settings.truth("predict_x0"),
        settings.numbers("disable_corrector").stream().map(Double::intValue).toList(),
        settings.truth("skip_prk_steps"),
        settings.integer("original_inference_steps"),
        settings.number("timestep_scaling"),
        settings.maybeWhole("noise_sampler_seed"));
  }

  private static SigmaSpacing spacing(Settings settings) {
    List<SigmaSpacing> wanted =
        Stream.of(SigmaSpacing.values())
            .filter(s -> s != SigmaSpacing.TRAINED && settings.truth(s.flag()))
            .toList();
    require(
        wanted.size() <= 1,
        "only one of use_karras_sigmas, use_lu_lambdas, use_exponential_sigmas and use_beta_sigmas"
            + " can be true");
    return wanted.isEmpty() ? SigmaSpacing.TRAINED : wanted.get(0);
  }

  private static OptionalDouble positive(Settings settings, String key) {
    OptionalDouble value = settings.maybeNumber(key);
    require(value.isEmpty() || value.getAsDouble() > 0, key + " must be above 0");
    return value;
  }

  private static void require(boolean holds, String message) {
    if (!holds) {
      throw new SfumatoException(message);
    }
  }
}
