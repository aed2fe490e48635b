package dev.sfumato.scheduler;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.EnumSet;
import java.util.List;
import java.util.Map;
import java.util.Set;
import java.util.stream.IntStream;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The contract of all schedulers: a new kind is tested as soon as it is a constant. */
class SchedulerTest {
  private static final int STEPS = 8;

  private static final Set<SchedulerKind> STOCHASTIC =
      EnumSet.of(
          SchedulerKind.DDPM,
          SchedulerKind.DDIM,
          SchedulerKind.EULER_ANCESTRAL,
          SchedulerKind.DPMSOLVER_SDE,
          SchedulerKind.LCM,
          SchedulerKind.TCD,
          SchedulerKind.KDPM2_ANCESTRAL);

  private static final Set<SchedulerKind> NEED_NOISE =
      EnumSet.of(
          SchedulerKind.PNDM,
          SchedulerKind.EULER_ANCESTRAL,
          SchedulerKind.DPMSOLVER_SDE,
          SchedulerKind.KDPM2,
          SchedulerKind.KDPM2_ANCESTRAL);

  private static final Set<SchedulerKind> WITHOUT_OFFSET =
      EnumSet.of(SchedulerKind.LCM, SchedulerKind.TCD, SchedulerKind.DPMSOLVER_SINGLESTEP);

  /** These evaluate the model more than once in a step. */
  private static final Map<SchedulerKind, Integer> EVALUATIONS =
      Map.of(
          SchedulerKind.PNDM, STEPS + 9,
          SchedulerKind.HEUN, 2 * STEPS - 1,
          SchedulerKind.DPMSOLVER_SDE, 2 * STEPS - 1,
          SchedulerKind.KDPM2, 2 * STEPS - 1,
          SchedulerKind.KDPM2_ANCESTRAL, 2 * STEPS - 1);

  private static Scheduler scheduler(SchedulerKind kind) {
    return Scheduler.of(SchedulerConfig.ddpmDefaults().withClassName(kind.className()));
  }

  static Stream<SchedulerConfig> configs() {
    return Arrays.stream(SchedulerKind.values())
        .map(kind -> scheduler(kind).config())
        .flatMap(
            config ->
                Arrays.stream(PredictionType.values())
                    .filter(type -> type != PredictionType.SAMPLE || takesSamples(config))
                    .map(config::withPredictionType)
                    .flatMap(
                        c ->
                            Stream.of(
                                c,
                                c.with("thresholding", true),
                                c.with("clip_sample", false).with("beta_end", 0.01))));
  }

  private static boolean takesSamples(SchedulerConfig config) {
    return !NEED_NOISE.contains(SchedulerKind.ofClass(config.className()));
  }

  /** The picture after all steps of a model that looks at nothing but x. */
  private static Tensor sample(Scheduler scheduler, RunOptions options, Tensor start, long seed) {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(seed)) {
      return scope.keep(finish(scheduler.begin(STEPS, options, rng), start));
    }
  }

  private static Tensor finish(Run run, Tensor x) {
    for (Step step : run) {
      x = run.step(run.scaleModelInput(x, step).mul(0.5), x, step);
    }
    return x;
  }

  private static Tensor start(long... shape) {
    try (Rng rng = new Rng(42)) {
      return rng.normal(shape);
    }
  }

  /** A cosine schedule begins at a sigma of some 20,000, whose square swallows small numbers. */
  @ParameterizedTest
  @EnumSource
  void aCosineScheduleStaysFinite(SchedulerKind kind) {
    for (String spacing : List.of("leading", "linspace", "trailing")) {
      Scheduler scheduler =
          Scheduler.of(
              scheduler(kind)
                  .config()
                  .withBetaSchedule(BetaSchedule.SQUAREDCOS_CAP_V2)
                  .with("timestep_spacing", spacing));
      for (int steps = 4; steps <= 20; steps++) {
        try (Scope scope = Scope.open();
            Rng rng = new Rng(7)) {
          Run run = scheduler.begin(steps, RunOptions.defaults(), rng);
          assertThat(finish(run, start(2, 3, 4, 4)).isFinite()).isTrue();
        }
      }
    }
  }

  @ParameterizedTest
  @MethodSource("configs")
  void stepsAreCountedAndTimestepsDoNotRise(SchedulerConfig config) {
    int count = EVALUATIONS.getOrDefault(SchedulerKind.ofClass(config.className()), STEPS);
    try (Rng rng = new Rng(0)) {
      int index = 0;
      double before = Double.POSITIVE_INFINITY;
      for (Step step : Scheduler.of(config).begin(STEPS, RunOptions.defaults(), rng)) {
        assertThat(step.index()).isEqualTo(index++);
        assertThat(step.count()).isEqualTo(count);
        assertThat(step.timestep()).isAtMost(before);
        assertThat(step.timestep()).isAtLeast(0.0);
        before = step.timestep();
      }
      assertThat(index).isEqualTo(count);
    }
  }

  @ParameterizedTest
  @MethodSource("configs")
  void shapeTypeAndFinitenessAreKept(SchedulerConfig config) {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      for (long[] shape : new long[][] {{1, 1, 4, 4}, {3, 3, 2, 6}}) {
        Tensor x = start(shape);
        Run run = Scheduler.of(config).begin(STEPS, RunOptions.defaults().withEta(1), rng);
        for (Step step : run) {
          Tensor x0 = run.predictX0(x.mul(0.5), x, step);
          x = run.step(x.mul(0.5).to(DType.BFLOAT16), x, step);
          assertThat(x0).hasShape(shape);
          assertThat(x).hasShape(shape);
          assertThat(x.dtype()).isEqualTo(DType.FLOAT32);
          assertThat(x.isFinite() && x0.isFinite()).isTrue();
        }
      }
    }
  }

  @ParameterizedTest
  @EnumSource
  void theSameSeedGivesTheSamePictureAndAnotherAnother(SchedulerKind kind) {
    try (Scope scope = Scope.open()) {
      Tensor start = start(2, 3, 4, 4);
      RunOptions noisy = RunOptions.defaults().withEta(1);
      Tensor picture = sample(scheduler(kind), noisy, start, 7);
      assertThat(sample(scheduler(kind), noisy, start, 7)).isIdenticalTo(picture);
      Tensor other = sample(scheduler(kind), noisy, start, 8);
      double difference = other.sub(picture).abs().max().item();
      assertThat(difference > 0).isEqualTo(STOCHASTIC.contains(kind));
    }
  }

  @ParameterizedTest
  @EnumSource
  void aPictureDoesNotDependOnItsNeighbours(SchedulerKind kind) {
    Scheduler scheduler = Scheduler.of(scheduler(kind).config().with("thresholding", true));
    try (Scope scope = Scope.open()) {
      Tensor start = start(4, 1, 4, 4);
      Tensor changed = Tensor.cat(List.of(start.narrow(0, 0, 1), start.narrow(0, 1, 3).mul(-3)), 0);
      // The noise of a batch begins with the noise that its first picture is given.
      Tensor picture = sample(scheduler, RunOptions.defaults(), start, 7).select(0, 0);
      assertThat(sample(scheduler, RunOptions.defaults(), changed, 7).select(0, 0))
          .isIdenticalTo(picture);
    }
  }

  @ParameterizedTest
  @EnumSource
  void runsOfOneSchedulerDoNotDisturbEachOther(SchedulerKind kind) {
    Scheduler scheduler = scheduler(kind);
    RunOptions options = RunOptions.defaults().withEta(0.5);
    try (Scope scope = Scope.open();
        Rng rng = new Rng(7);
        Rng otherRng = new Rng(8)) {
      Tensor start = start(2, 1, 4, 4);
      Tensor expected = sample(scheduler, options, start, 7);
      Run run = scheduler.begin(STEPS, options, rng);
      Run other = scheduler.begin(STEPS / 2, options, otherRng);
      Tensor x = start;
      Tensor y = start;
      for (Step step : run) {
        x = run.step(run.scaleModelInput(x, step).mul(0.5), x, step);
        if (step.index() == 0) {
          y = finish(other, y);
        }
      }
      assertThat(x).isIdenticalTo(expected);
    }
  }

  @ParameterizedTest
  @EnumSource
  void manyThreadsShareAScheduler(SchedulerKind kind) {
    Scheduler scheduler = scheduler(kind);
    RunOptions options = RunOptions.defaults().withEta(1);
    try (Tensor start = start(2, 1, 4, 4);
        Tensor expected = sample(scheduler, options, start, 7)) {
      List<float[]> pictures =
          IntStream.range(0, 16)
              .parallel()
              .mapToObj(
                  i -> {
                    try (Tensor picture = sample(scheduler, options, start, 7)) {
                      return picture.toFloats();
                    }
                  })
              .toList();
      pictures.forEach(p -> assertThat(p).isEqualTo(expected.toFloats()));
    }
  }

  @ParameterizedTest
  @MethodSource("configs")
  void predictedX0LeadsBackToThePictureThatWasNoised(SchedulerConfig config) {
    Scheduler scheduler = Scheduler.of(config);
    try (Scope scope = Scope.open();
        Rng rng = new Rng(3)) {
      Tensor x0 = rng.uniform(2, 3, 4, 4).mul(1.8).sub(0.9);
      Tensor noise = rng.normal(2, 3, 4, 4);
      Run run = scheduler.begin(STEPS, RunOptions.defaults(), rng);
      for (Step step : run) {
        double signal = Math.sqrt(run.alphaCumprod(step));
        double sigma = Math.sqrt(1 - run.alphaCumprod(step));
        Tensor output =
            switch (config.predictionType()) {
              case EPSILON -> noise;
              case SAMPLE -> x0;
              case V_PREDICTION -> noise.mul(signal).sub(x0.mul(sigma));
            };
        Tensor input = x0.mul(signal).add(noise.mul(sigma));
        // Some solvers keep x at another scale than the model's input.
        double scale = run.scaleModelInput(Tensor.scalar(1), step).item();
        assertThat(run.predictX0(output, input.div(scale), step)).isWithin(2e-4).of(x0);
      }
    }
  }

  /** x_0 = (x - sigma eps) / signal for the model's input x. */
  @ParameterizedTest
  @EnumSource
  void gradientsFlowThroughPredictedX0ToBothTensors(SchedulerKind kind) {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      Run run = scheduler(kind).begin(STEPS, RunOptions.defaults(), rng);
      for (Step step : run) {
        Tensor x = start(1, 1, 2, 2).mul(1e-3).requiresGrad(true);
        Tensor output = Tensor.zeros(1, 1, 2, 2).requiresGrad(true);
        Tensor x0 = run.predictX0(output, x, step);
        double signal = Math.sqrt(run.alphaCumprod(step));
        double scale = run.scaleModelInput(Tensor.scalar(1), step).item();
        assertThat(Autograd.gradient(x0.sum(), x))
            .isWithin(1e-5)
            .relativeToScale()
            .of(Tensor.full(scale / signal, 1, 1, 2, 2));
        x0 = run.predictX0(output, x, step);
        assertThat(Autograd.gradient(x0.sum(), output))
            .isWithin(1e-5)
            .relativeToScale()
            .of(Tensor.full(-Math.sqrt(1 - signal * signal) / signal, 1, 1, 2, 2));
      }
    }
  }

  /** Time travel goes back in x, so a rule that remembers must not count a step twice. */
  @ParameterizedTest
  @EnumSource
  void aStepThatIsTakenAgainGivesTheSame(SchedulerKind kind) {
    if (STOCHASTIC.contains(kind)) {
      return;
    }
    try (Scope scope = Scope.open();
        Rng rng = new Rng(7)) {
      Tensor x = start(1, 1, 4, 4);
      Tensor expected = sample(scheduler(kind), RunOptions.defaults(), x, 7);
      Run run = scheduler(kind).begin(STEPS, RunOptions.defaults(), rng);
      for (Step step : run) {
        run.step(run.scaleModelInput(x, step).mul(0.7), x, step);
        x = run.step(run.scaleModelInput(x, step).mul(0.5), x, step);
      }
      assertThat(x).isIdenticalTo(expected);
    }
  }

  @ParameterizedTest
  @EnumSource
  void whatDoesNotFitIsRefused(SchedulerKind kind) {
    Scheduler scheduler = scheduler(kind);
    RunOptions options = RunOptions.defaults();
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      assertRefused("not 0", () -> scheduler.begin(0, options, rng));
      assertRefused(", not 1001", () -> scheduler.begin(1001, options, rng));
      assertRefused("eta", () -> options.withEta(-0.5));
      assertRefused("eta", () -> options.withEta(Double.NaN));
      if (!WITHOUT_OFFSET.contains(kind)) {
        Scheduler offset =
            Scheduler.of(
                scheduler.config().with("steps_offset", 999).with("timestep_spacing", "leading"));
        assertRefused("steps_offset 999", () -> offset.begin(STEPS, options, rng));
      }
      Run run = scheduler.begin(STEPS, options, rng);
      Step first = run.iterator().next();
      Tensor x = Tensor.zeros(2, 3, 4, 4);
      Tensor wide = Tensor.zeros(2, 6, 4, 4);
      assertRefused("[2, 6, 4, 4]", () -> run.step(wide, x, first));
      assertRefused("[2, 6, 4, 4]", () -> run.predictX0(wide, x, first));
    }
  }

  @ParameterizedTest
  @EnumSource
  void aRunLeavesOnlyItsResultAndAFailedStepNothing(SchedulerKind kind) {
    try (Tensor x = Tensor.zeros(2, 3, 4, 4);
        Tensor wrong = Tensor.zeros(2, 3, 4, 5)) {
      long before = Scope.liveTensors();
      sample(scheduler(kind), RunOptions.defaults().withEta(1), x, 7).close();
      assertThat(Scope.liveTensors()).isEqualTo(before);
      try (Scope scope = Scope.open();
          Rng rng = new Rng(0)) {
        Run run = scheduler(kind).begin(STEPS, RunOptions.defaults(), rng);
        long begun = Scope.liveTensors();
        assertThrows(SfumatoException.class, () -> run.step(wrong, x, run.iterator().next()));
        assertThat(Scope.liveTensors()).isEqualTo(begun);
      }
    }
  }

  /** The memory of a run is freed step by step, not at its end. */
  @ParameterizedTest
  @EnumSource
  void aLongRunHoldsNoMoreThanAShortOne(SchedulerKind kind) {
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0);
        Tensor x = Tensor.zeros(1, 1, 2, 2)) {
      Run run = scheduler(kind).begin(40, RunOptions.defaults(), rng);
      long before = Scope.liveTensors();
      for (Step step : run) {
        run.step(x, x, step).close();
        assertThat(Scope.liveTensors() - before).isAtMost(11);
      }
    }
  }

  private static void assertRefused(String part, Runnable call) {
    SfumatoException e = assertThrows(SfumatoException.class, call::run);
    assertThat(e).hasMessageThat().contains(part);
    assertThat(e).hasMessageThat().doesNotContain("\n");
  }

  /** Values of diffusers, which does not round here: 998.99 would be timestep 998. */
  @Test
  void lambdasStartAtTheLastTimestepForCosineBetas() {
    SchedulerConfig config =
        SchedulerConfig.of(
            Map.of(
                "_class_name", "DPMSolverMultistepScheduler",
                "beta_schedule", "squaredcos_cap_v2",
                "use_lu_lambdas", true));
    List<Double> timesteps = new ArrayList<>();
    try (Scope scope = Scope.open();
        Rng rng = new Rng(0)) {
      Scheduler.of(config)
          .begin(6, RunOptions.defaults(), rng)
          .forEach(step -> timesteps.add(step.timestep()));
    }
    assertThat(timesteps).containsExactly(999.0, 998.0, 986.0, 759.0, 73.0, 0.0).inOrder();
  }
}
