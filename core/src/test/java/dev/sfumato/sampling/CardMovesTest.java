package dev.sfumato.sampling;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;
import static org.junit.jupiter.params.provider.Arguments.arguments;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.GradientClamp;
import dev.sfumato.guidance.GradientMode;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.guidance.Guide;
import dev.sfumato.guidance.MeanGuidance;
import dev.sfumato.guidance.Prediction;
import dev.sfumato.guidance.ScheduledGuide;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.Condition;
import dev.sfumato.model.Denoiser;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.scheduler.Scheduler;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.Device;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Moves;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.StandInCard;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayList;
import java.util.List;
import java.util.Set;
import java.util.function.Consumer;
import java.util.stream.Stream;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.Arguments;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;

/** The moves between the host and a card while a model samples. */
class CardMovesTest {
  private static final int STEPS = 6;
  private static final SamplingOptions OPTIONS =
      SamplingOptions.defaults().withCount(2).withSteps(STEPS);

  /** The end of a run whose pictures nobody could read. */
  private static final class Enough extends RuntimeException {
    private static final long serialVersionUID = 1L;
  }

  /** Tensors sent to the card, and read from it, in one step. */
  private record Traffic(long sent, long read) {
    static final Traffic NONE = new Traffic(0, 0);

    static Traffic soFar() {
      return new Traffic(Moves.sent(), Moves.read());
    }

    Traffic since(Traffic before) {
      return new Traffic(sent - before.sent, read - before.read);
    }
  }

  /**
   * A network on the card. The stand-in has no convolutions and no tables, so each forward pass
   * ends at the first one: what depends on the time and on classes comes before it.
   */
  private record OnTheCard(ClassConditionedUNet network) implements Denoiser {
    @Override
    public int channels() {
      return network.channels();
    }

    @Override
    public Device device() {
      return network.device();
    }

    @Override
    public void requireSize(long height, long width) {
      network.requireSize(height, width);
    }

    @Override
    public Tensor forward(Tensor x, Tensor timesteps, Condition condition) {
      SfumatoException end =
          assertThrows(
              SfumatoException.class, () -> network.forward(x, timesteps, condition).close());
      assertThat(end.getMessage()).containsMatch("convolution|Meta tensors");
      return x.mul(0.1);
    }
  }

  /** Samples on the card and returns the moves of each step, the second to the last. */
  private static List<Traffic> traffic(String model, SamplingOptions options, Precision precision) {
    return traffic(model, options, precision, Guidance.NONE, prediction -> {});
  }

  /** Returns the different moves of the steps that {@code guidance} steers. */
  private static Set<Traffic> steered(Guidance guidance, Consumer<Prediction> predictions) {
    SamplingOptions ddim =
        OPTIONS.withScheduler(SchedulerKind.DDIM).withSchedulerOption("clip_sample", "false");
    return Set.copyOf(traffic("tiny", ddim, Precision.FP32, guidance, predictions));
  }

  private static List<Traffic> traffic(
      String model,
      SamplingOptions options,
      Precision precision,
      Guidance guidance,
      Consumer<Prediction> predictions) {
    List<Traffic> soFar = new ArrayList<>();
    Sampler.Listener counting =
        new Sampler.Listener() {
          @Override
          public void onPrediction(Step step, Prediction prediction) {
            predictions.accept(prediction);
          }

          @Override
          public void onStep(Step step, Tensor x) {
            assertThat(x.device()).isEqualTo(StandInCard.DEVICE);
            soFar.add(Traffic.soFar());
            if (step.index() == step.count() - 1) {
              throw new Enough();
            }
          }
        };
    try (PixelPipeline pipeline = PixelPipeline.load(Golden.path("pipeline/" + model));
        Scope scope = Scope.open();
        Rng random = new Rng(0)) {
      StandInCard.place(pipeline.network());
      pipeline.precision(precision);
      Sampler sampler =
          new Sampler(new OnTheCard(pipeline.denoiser()), Scheduler.of(pipeline.scheduler(options)))
              .withConditioning(pipeline.conditioning(options))
              .withGuidance(guidance);
      Start start = Start.noise(options.count(), 3, 16, 16);
      assertThrows(Enough.class, () -> sampler.sample(start, STEPS, random, counting));
    }
    List<Traffic> steps = new ArrayList<>();
    for (int i = 1; i < soFar.size(); i++) {
      steps.add(soFar.get(i).since(soFar.get(i - 1)));
    }
    assertThat(steps.size()).isAtLeast(STEPS - 1);
    return steps;
  }

  @ParameterizedTest
  @EnumSource
  void noSchedulerReadsFromTheCard(SchedulerKind kind) {
    boolean draws =
        List.of(
                SchedulerKind.DDPM,
                SchedulerKind.EULER_ANCESTRAL,
                SchedulerKind.DPMSOLVER_SDE,
                SchedulerKind.LCM,
                SchedulerKind.KDPM2_ANCESTRAL)
            .contains(kind);
    for (Traffic step : traffic("tiny", OPTIONS.withScheduler(kind), Precision.FP32)) {
      assertWithMessage("read").that(step.read).isEqualTo(0);
      assertWithMessage("sent: the step's noise").that(step.sent).isAtMost(draws ? 1 : 0);
    }
  }

  @ParameterizedTest
  @CsvSource({"tiny-channels, 3", "tiny-one-hot, 3", "tiny-embedding, 1"})
  void classesAreSentOnce(String model, double guidanceScale) {
    SamplingOptions ddim = OPTIONS.withScheduler(SchedulerKind.DDIM).withLabels(1);
    assertThat(
            traffic(model, ddim.withGuidanceScale(guidanceScale), Precision.FP32).stream()
                .distinct())
        .containsExactly(Traffic.NONE);
  }

  @ParameterizedTest
  @EnumSource
  void noPrecisionMovesAnything(Precision precision) {
    SamplingOptions ddim = OPTIONS.withScheduler(SchedulerKind.DDIM);
    assertThat(traffic("tiny", ddim, precision).stream().distinct()).containsExactly(Traffic.NONE);
  }

  // ---- guides

  /** The stand-in has no absolute values, and no gradient of a limit. */
  private static final Guide DARK = (predictedX0, at) -> predictedX0.square().mean();

  private static final Guidance PLAIN =
      Guidance.of(List.of(ScheduledGuide.of("dark", DARK, 5)), GradientMode.SHORTCUT);

  static Stream<Arguments> guidances() {
    return Stream.of(
        arguments("shortcut", PLAIN, 0),
        arguments("exact", Guidance.of(PLAIN.guides(), GradientMode.EXACT), 0),
        arguments("clamped", PLAIN.withClamp(GradientClamp.parse("1")), 0),
        arguments("in turns: the noise is sent", PLAIN.withRecurrence(2), 1),
        arguments("universal", mean(MeanGuidance.Kind.UNIVERSAL), 0),
        arguments("TFG", mean(MeanGuidance.Kind.TFG), 0));
  }

  private static Guidance mean(MeanGuidance.Kind kind) {
    return PLAIN.withMeanGuidance(new MeanGuidance(kind, 2, 5));
  }

  @ParameterizedTest(name = "{0}")
  @MethodSource("guidances")
  void aSteeredStepReadsNothing(String name, Guidance guidance, long sent) {
    long before = Scope.liveTensors();
    assertThat(steered(guidance, prediction -> {})).containsExactly(new Traffic(sent, 0));
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void whoAsksForALossMakesItsStepReadOnce() {
    Consumer<Prediction> asking =
        prediction -> assertThrows(SfumatoException.class, prediction::losses); // it has no numbers
    assertThat(steered(PLAIN, asking)).containsExactly(new Traffic(0, 1));
  }
}
