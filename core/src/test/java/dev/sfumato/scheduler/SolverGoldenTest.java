package dev.sfumato.scheduler;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.sfumato.tensor.TensorSubject.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Named;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.MethodSource;

/** Whole runs of every option against diffusers; the toy model stands in reference/solvers.py. */
class SolverGoldenTest {
  private static final Golden GOLDEN = Golden.read("solvers");

  static Stream<Named<JsonNode>> cases() {
    return StreamSupport.stream(GOLDEN.document().get("cases").spliterator(), false)
        .map(c -> Named.of(c.get("name").asText(), c));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void aRunGivesTheSamplesOfDiffusers(JsonNode c) {
    SchedulerConfig config = SchedulerGoldenTest.config(c).withClassName(c.get("class").asText());
    List<Integer> stored = SchedulerGoldenTest.integers(c.get("stored_steps"));
    List<Tensor> samples = new ArrayList<>();
    List<Double> timesteps = new ArrayList<>();
    try (Scope scope = Scope.open();
        Rng rng = new Rng(c.get("seed").asLong())) {
      Tensor start = rng.normal(2, 3, 2, 2);
      Run run = Scheduler.of(config).begin(c.get("num_inference_steps").asInt(), options(c), rng);
      assertThat(run.initNoiseSigma())
          .isWithin(1e-6 * run.initNoiseSigma())
          .of(c.get("init_noise_sigma").asDouble());
      Tensor x = start.mul(run.initNoiseSigma());
      for (Step step : run) {
        x = run.step(toy(run.scaleModelInput(x, step), x, step, config), x, step);
        timesteps.add(step.timestep());
        if (stored.contains(step.index())) {
          samples.add(x);
        }
      }
      assertThat(timesteps).hasSize(c.get("timesteps").size());
      for (int i = 0; i < timesteps.size(); i++) {
        assertWithMessage("timestep of step %s", i)
            .that(timesteps.get(i))
            .isWithin(1e-3)
            .of(c.get("timesteps").get(i).asDouble());
      }
      Tensor expected = GOLDEN.tensor(c.get("name").asText());
      for (int i = 0; i < samples.size(); i++) {
        assertThat(samples.get(i))
            .isWithin(tolerance(c, run))
            .relativeToScale()
            .of(expected.select(0, i));
      }
    }
  }

  /**
   * PyTorch's wheel takes roots, logarithms and exponentials that are one unit in the last place
   * off here and there, which Brownian motion, a root of time, and a start at large sigma enlarge.
   */
  private static double tolerance(JsonNode c, Run run) {
    boolean brownian = c.get("class").asText().contains("SDE");
    return brownian ? 2e-3 : run.initNoiseSigma() > 300 ? 1e-4 : 5e-5;
  }

  private static RunOptions options(JsonNode c) {
    JsonNode step = c.get("step");
    Churn churn =
        new Churn(
            step.path("s_churn").asDouble(0),
            step.path("s_tmin").asDouble(0),
            step.path("s_tmax").asDouble(Double.POSITIVE_INFINITY),
            step.path("s_noise").asDouble(1));
    return RunOptions.defaults()
        .withEta(step.path("eta").asDouble(0))
        .withTimesteps(SchedulerGoldenTest.integers(c.get("custom_timesteps")))
        .withChurn(churn);
  }

  private static Tensor toy(Tensor scaled, Tensor x, Step step, SchedulerConfig config) {
    Tensor output = scaled.mul(0.8).add((float) step.timestep() / 2000);
    return config.varianceType() == VarianceType.LEARNED_RANGE
        ? Tensor.cat(List.of(output, x.mul(0.3)), 1)
        : output;
  }

  @Test
  void seedSequencesAreThoseOfNumpy() {
    for (JsonNode row : GOLDEN.document().get("seeds")) {
      List<Long> key = new ArrayList<>();
      row.get("spawn_key").forEach(k -> key.add(k.asLong()));
      List<Long> state = new ArrayList<>();
      row.get("state").forEach(s -> state.add(s.asLong()));
      SeedSequence seeds =
          new SeedSequence(
              row.get("entropy").asLong(), 24, key.stream().mapToLong(Long::longValue).toArray());
      assertThat(Arrays.stream(seeds.state(5)).boxed().toList()).isEqualTo(state);
    }
  }

  @Test
  void brownianMotionIsThatOfTorchsde() {
    JsonNode motion = GOLDEN.document().get("motion");
    try (Scope scope = Scope.open()) {
      BrownianTree tree =
          new BrownianTree(
              motion.get("start").asDouble(),
              motion.get("end").asDouble(),
              motion.get("entropy").asLong(),
              2,
              3);
      Tensor expected = GOLDEN.tensor("motion");
      int i = 0;
      for (JsonNode query : motion.get("queries")) {
        assertThat(tree.increment(query.get(0).asDouble(), query.get(1).asDouble()))
            .isWithin(2e-6)
            .relativeToScale()
            .of(expected.select(0, i++));
      }
    }
  }
}
