package dev.sfumato.scheduler;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class SchedulerConfigTest {
  private static final SchedulerConfig DEFAULTS = SchedulerConfig.ddpmDefaults();

  @TempDir Path folder;

  @Test
  void anOldFileHasTheDefaultsOfItsClassForTheRest() {
    SchedulerConfig config =
        read(
            """
            {"_class_name": "DDPMScheduler", "_diffusers_version": "0.1.1", "beta_end": 0.02,
             "num_train_timesteps": 500, "trained_betas": null, "variance_type": "fixed_large",
             "tensor_format": "pt"}
            """);
    assertThat(config.numTrainTimesteps()).isEqualTo(500);
    assertThat(config.varianceType()).isEqualTo(VarianceType.FIXED_LARGE);
    assertThat(config.trainedBetas()).isEmpty();
    assertThat(config.clipSample()).isTrue();
    assertThat(config.dynamicThresholdingRatio()).isEqualTo(0.995);
    assertThat(config.timestepSpacing()).isEqualTo(TimestepSpacing.LEADING);
  }

  @Test
  void whatIsWrittenHoldsEveryKeyAndKeepsTheUnknownOnes() {
    SchedulerConfig config =
        read(
            "{\"_class_name\": \"DDPMScheduler\", \"mine\": {\"a\": [1, 2.5]}, \"beta_end\": 0.1}");
    Path file = folder.resolve("scheduler/out.json");
    config.write(file);
    Map<?, ?> json = JsonFile.read(file, Map.class);
    assertThat(json).containsEntry("mine", Map.of("a", List.of(1, 2.5)));
    assertThat(json).containsEntry("beta_end", 0.1);
    assertThat(json).containsEntry("beta_start", 0.0001);
    assertThat(json).containsEntry("trained_betas", null);
    assertThat(new ArrayList<Object>(json.keySet()).get(0)).isEqualTo("_class_name");
    SchedulerConfig again = SchedulerConfig.read(file);
    again.write(folder.resolve("again.json"));
    assertThat(JsonFile.read(folder.resolve("again.json"), Map.class)).isEqualTo(json);
  }

  @Test
  void anotherClassKeepsTheSettingsAndHasItsOwnDefaultsForTheRest() {
    SchedulerConfig ddim =
        read("""
        {"_class_name": "DDPMScheduler", "variance_type": "fixed_large", "clip_sample": false}
        """)
            .withClassName("ddim");
    assertThat(ddim.className()).isEqualTo("DDIMScheduler");
    assertThat(ddim.clipSample()).isFalse();
    assertThat(ddim.setAlphaToOne()).isTrue();
    ddim.write(folder.resolve("ddim.json"));
    Map<?, ?> json = JsonFile.read(folder.resolve("ddim.json"), Map.class);
    assertThat(json).containsEntry("set_alpha_to_one", true);
    assertThat(json).containsEntry("variance_type", "fixed_large");
    assertThat(Scheduler.of(ddim.withClassName("DDPMScheduler")).config().varianceType())
        .isEqualTo(VarianceType.FIXED_LARGE);
  }

  @Test
  void aFileOfAClassThatIsNotHereCanBeReadAndSampledWithAnother() {
    SchedulerConfig config =
        read("{\"_class_name\": \"FooScheduler\", \"prediction_type\": \"v_prediction\"}");
    SfumatoException e = assertThrows(SfumatoException.class, () -> Scheduler.of(config));
    assertThat(e)
        .hasMessageThat()
        .isEqualTo(
            "scheduler FooScheduler is not supported: use one of ddpm, ddim, pndm, lms, euler,"
                + " euler_ancestral, heun, dpmsolver++, dpmsolver_singlestep, dpmsolver_sde, deis,"
                + " unipc, lcm, tcd, kdpm2, kdpm2_ancestral");
    assertThat(Scheduler.of(config.withClassName("ddim")).config().predictionType())
        .isEqualTo(PredictionType.V_PREDICTION);
  }

  /** Python's JSON has infinities; this key of DPM-Solver's is one unless it is set. */
  @Test
  void infinityIsReadAndWrittenAsInPython() throws IOException {
    SchedulerConfig config =
        read(
            """
            {"_class_name": "DPMSolverMultistepScheduler", "lambda_min_clipped": -Infinity,
             "variance_type": null}
            """);
    Path file = folder.resolve("out.json");
    config.write(file);
    assertThat(Files.readString(file)).contains("\"lambda_min_clipped\" : -Infinity");
    assertThat(SchedulerConfig.read(file).settings())
        .containsEntry("lambda_min_clipped", Double.NEGATIVE_INFINITY);
  }

  @Test
  void settingsCanBeChanged() {
    SchedulerConfig config =
        DEFAULTS
            .withPredictionType(PredictionType.SAMPLE)
            .withTrainTimesteps(2)
            .with("trained_betas", List.of(0.1, 0.2));
    assertThat(NoiseSchedule.of(config).betas()).isEqualTo(new float[] {0.1f, 0.2f});
    SchedulerConfig cosine = config.withBetaSchedule(BetaSchedule.SQUAREDCOS_CAP_V2);
    assertThat(cosine.predictionType()).isEqualTo(PredictionType.SAMPLE);
    assertThat(NoiseSchedule.of(cosine).betas()[1]).isEqualTo(0.999f);
    assertThat(DEFAULTS.predictionType()).isEqualTo(PredictionType.EPSILON);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "num_train_timesteps | 0 | 1 to 1000000",
        "num_train_timesteps | 2000000000 | 1 to 1000000",
        "num_train_timesteps | 10.5 | whole number, not 10.5",
        "num_train_timesteps | null | whole number, not null",
        "beta_start | 'high' | number",
        "beta_start | -0.1 | between 0 and 1",
        "beta_end | 1.5 | between 0 and 1",
        "beta_start | NaN | a number, not NaN",
        "clip_sample_range | Infinity | a number, not Infinity",
        "sample_max_value | Infinity | a number",
        "dynamic_thresholding_ratio | NaN | a number",
        "timestep_scaling | Infinity | a number",
        "lambda_min_clipped | NaN | a number",
        "sigma_max | Infinity | a number",
        "beta_schedule | 'cubic' | 'cubic' is unknown: use one of linear, scaled_linear",
        "trained_betas | [0.1, 0.2] | as many as num_train_timesteps, 1000",
        "trained_betas | ['a'] | numbers",
        "trained_betas | 3 | list",
        "prediction_type | 'flow' | use one of epsilon, sample, v_prediction",
        "variance_type | 'fixed' | use one of fixed_small",
        "clip_sample | 1 | true or false",
        "clip_sample_range | 0 | above 0",
        "thresholding | 'yes' | true or false",
        "dynamic_thresholding_ratio | 99.5 | between 0 and 1",
        "sample_max_value | -1 | above 0",
        "timestep_spacing | 'karras' | use one of leading, linspace, trailing",
        "steps_offset | -1 | 0 or more",
        "set_alpha_to_one | 'no' | true or false",
        "solver_order | 0 | 1 to 10",
        "algorithm_type | 'ddpm' | use one of dpmsolver, dpmsolver++, sde-dpmsolver",
        "solver_type | 'euler' | use one of midpoint, heun, logrho, bh1, bh2",
        "final_sigmas_type | 'one' | zero or sigma_min",
        "interpolation_type | 'cubic' | log_linear or linear",
        "timestep_type | 3 | text",
        "sigma_min | 0 | above 0",
        "sigma_max | 'high' | number",
        "use_karras_sigmas | 1 | true or false",
        "lambda_min_clipped | 9 | below 5",
        "disable_corrector | 3 | list",
        "original_inference_steps | 0 | 1 or more",
        "timestep_scaling | 0 | above 0",
        "noise_sampler_seed | 0.5 | whole number",
        "_class_name | 3 | text"
      },
      quoteCharacter = '"')
  void aWrongSettingIsRefusedInOneLineThatNamesFileAndKey(String key, String value, String wanted) {
    String json = "{\"" + key + "\": " + value.replace('\'', '"') + "}";
    SfumatoException e = assertThrows(SfumatoException.class, () -> read(json));
    assertThat(e).hasMessageThat().contains("scheduler_config.json");
    assertThat(e).hasMessageThat().contains(key);
    assertThat(e).hasMessageThat().contains(wanted);
    assertThat(e).hasMessageThat().doesNotContain("\n");
  }

  /** SA-Solver, which is not here, has names of its own for what other solvers call otherwise. */
  @ParameterizedTest
  @ValueSource(strings = {"data_prediction", "noise_prediction"})
  void aModelOfSaSolverDrawsWithOtherSchedulers(String type) {
    SchedulerConfig config =
        read(
            "{\"_class_name\": \"SASolverScheduler\", \"algorithm_type\": \""
                + type
                + "\", \"variance_type\": null}");
    for (SchedulerKind kind : SchedulerKind.values()) {
      assertThat(Scheduler.of(config.withClassName(kind.toString()))).isNotNull();
    }
  }

  /** Playground 2.5, Stable Diffusion 3, google/ncsnpp-church-256, consistency models. */
  @ParameterizedTest
  @ValueSource(
      strings = {
        "EDMDPMSolverMultistepScheduler",
        "FlowMatchEulerDiscreteScheduler",
        "ScoreSdeVeScheduler",
        "CMStochasticIterativeScheduler",
        "KarrasVeScheduler"
      })
  void aModelOfOtherNoiseLevelsIsRefusedWhateverSchedulerDraws(String name) {
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> read("{\"_class_name\": \"" + name + "\"}"));
    assertThat(e).hasMessageThat().contains(name + " has other noise levels");
  }

  @Test
  void aFileThatIsNoObjectOrMissingIsRefused() {
    for (String json : List.of("[1]", "", "{\"beta_end\": ", "null")) {
      SfumatoException e = assertThrows(SfumatoException.class, () -> read(json));
      assertThat(e).hasMessageThat().contains("scheduler_config.json");
      assertThat(e).hasMessageThat().doesNotContain("\n");
    }
    assertThrows(SfumatoException.class, () -> SchedulerConfig.read(folder.resolve("none.json")));
  }

  private SchedulerConfig read(String json) {
    try {
      return SchedulerConfig.read(Files.writeString(folder.resolve("scheduler_config.json"), json));
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
