package dev.sfumato.scheduler;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.core.type.TypeReference;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.tensor.Rng;
import java.util.List;
import java.util.Map;
import java.util.stream.IntStream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Solvers refuse impossible settings in one line, before the first step. */
class SolverRefusalTest {
  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '"',
      value = {
        "pndm | {} | 3 | pndm needs at least 4 steps",
        "pndm | {'prediction_type': 'sample'} | 5 | pndm cannot sample",
        "euler_ancestral | {'prediction_type': 'sample'} | 5 | prediction_type sample",
        "dpmsolver_sde | {'prediction_type': 'sample'} | 5 | prediction_type sample",
        "euler | {'use_karras_sigmas': true, 'use_beta_sigmas': true} | 5 | only one of",
        "dpmsolver++ | {'use_lu_lambdas': true, 'use_beta_sigmas': true} | 5 | only one of",
        "dpmsolver++ | {'use_flow_sigmas': true} | 5 | use_flow_sigmas is not supported",
        "dpmsolver++ | {'algorithm_type': 'dpmsolver'} | 5 | final_sigmas_type to sigma_min",
        "dpmsolver_singlestep | {'algorithm_type': 'dpmsolver'} | 5 | final_sigmas_type",
        "dpmsolver++ | {'algorithm_type': 'sde-dpmsolver', 'final_sigmas_type': 'sigma_min',"
            + " 'solver_order': 3} | 5 | has no order 3",
        "dpmsolver_singlestep | {'algorithm_type': 'sde-dpmsolver', 'final_sigmas_type':"
            + " 'sigma_min'} | 5 | sde-dpmsolver is not supported",
        "dpmsolver_singlestep | {'solver_order': 4} | 5 | must be 1 to 3",
        "deis | {'algorithm_type': 'sde-dpmsolver++'} | 5 | not supported by deis",
        "unipc | {'lower_order_final': false} | 5 | lower_order_final",
        "unipc | {'predict_x0': false} | 5 | cannot reach noise zero",
        "unipc | {'solver_p': 'ddim'} | 5 | solver_p is not supported",
        "dpmsolver++ | {} | 1000 | twice: take fewer steps",
        "deis | {'timestep_spacing': 'leading'} | 1000 | twice: take fewer steps",
        "lcm | {} | 51 | original_inference_steps, which is 50, not 51",
        "lcm | {'num_train_timesteps': 40} | 4 | original_inference_steps 50 must be at most",
      })
  void whatASolverCannotDoIsRefused(String kind, String settings, int steps, String part) {
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> begin(kind, settings, steps, List.of()));
    assertThat(e).hasMessageThat().contains(part);
    assertThat(e).hasMessageThat().doesNotContain("\n");
  }

  @ParameterizedTest
  @ValueSource(
      strings = {"ddim", "pndm", "lms", "euler_ancestral", "dpmsolver_sde", "deis", "unipc"})
  void timestepsOfOnesOwnAreNotForEverySolver(String kind) {
    List<Integer> own = List.of(900, 500, 400, 100);
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> begin(kind, "{}", own.size(), own));
    assertThat(e).hasMessageThat().startsWith(kind + " takes no custom timesteps");
  }

  @ParameterizedTest
  @ValueSource(strings = {"euler", "heun", "dpmsolver++", "dpmsolver_singlestep"})
  void timestepsOfOnesOwnDoNotGoWithSpacedSigmas(String kind) {
    List<Integer> own = List.of(900, 500, 400, 100);
    String karras = "{'use_karras_sigmas': true}";
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> begin(kind, karras, own.size(), own));
    assertThat(e).hasMessageThat().contains("use_karras_sigmas");
  }

  @Test
  void churnIsMadeOfNumbersThatAreNotNegative() {
    assertThrows(SfumatoException.class, () -> new Churn(-1, 0, 1, 1));
    assertThrows(SfumatoException.class, () -> new Churn(1, Double.NaN, 1, 1));
  }

  @Test
  void quantilesOfTheBetaDistributionAreExact() {
    assertThat(SymmetricBeta.quantile(0, 0.6)).isWithin(1e-15).of(0);
    assertThat(SymmetricBeta.quantile(0.5, 0.6)).isWithin(1e-15).of(0.5);
    assertThat(SymmetricBeta.quantile(1, 0.6)).isWithin(1e-15).of(1);
    // Beta(1/2, 1/2) is the arcsine distribution.
    IntStream.range(1, 20)
        .forEach(
            i ->
                assertThat(SymmetricBeta.quantile(i / 20.0, 0.5))
                    .isWithin(1e-14)
                    .of(Math.pow(Math.sin(Math.PI / 2 * i / 20), 2)));
  }

  @Test
  void allStepsFitIntoWhatAStrengthLeaves() {
    try (Rng rng = new Rng(0)) {
      Scheduler lcm =
          Scheduler.of(SchedulerConfig.of(Map.of("_class_name", SchedulerKind.LCM.className())));
      RunOptions all = RunOptions.defaults().withKeepsSteps(true);
      assertThat(lcm.begin(5, 0.1, all, rng).iterator().next().timestep()).isEqualTo(99);
      SfumatoException e = assertThrows(SfumatoException.class, () -> lcm.begin(6, 0.1, all, rng));
      assertThat(e).hasMessageThat().contains("strength of 0.1 leaves 5 of 50");
    }
  }

  private static void begin(String kind, String settings, int steps, List<Integer> own)
      throws JsonProcessingException {
    Map<String, Object> json =
        JsonFile.MAPPER.readValue(settings.replace('\'', '"'), new TypeReference<>() {});
    try (Rng rng = new Rng(0)) {
      SchedulerConfig config = SchedulerConfig.of(json).withClassName(kind);
      Scheduler.of(config).begin(steps, RunOptions.defaults().withTimesteps(own), rng);
    }
  }
}
