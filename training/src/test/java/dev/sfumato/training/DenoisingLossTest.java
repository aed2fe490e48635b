package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.data.Batch;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.scheduler.NoiseSchedule;
import dev.sfumato.scheduler.PredictionType;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.EnumSource;

class DenoisingLossTest {
  private static final SchedulerConfig SCHEDULER =
      SchedulerConfig.ddpmDefaults().with("rescale_betas_zero_snr", true);

  /** Zeros for noise and, for two pictures, the last timestep and the first. */
  private static final class Still implements Draws {
    private int normals;

    @Override
    public Tensor normal(long... shape) {
      normals++;
      return Tensor.zeros(2, shape[0], shape[1], shape[2]);
    }

    @Override
    public Tensor uniform(long... shape) {
      throw new AssertionError("nothing else is drawn");
    }

    @Override
    public Tensor integers(long count) {
      return Tensor.of(new long[] {count - 1, 0}, 2);
    }

    @Override
    public Draws twice() {
      throw new AssertionError("nothing else is drawn");
    }

    @Override
    public boolean[] chosen(double share) {
      return new boolean[] {share > 0, share > 0};
    }
  }

  /** A signal-to-noise ratio of exactly 0 once made 0 / 0 of the weight. */
  @ParameterizedTest
  @EnumSource(PredictionType.class)
  void minSnrIsFiniteForPureNoise(PredictionType type) {
    assertThat(NoiseSchedule.of(SCHEDULER).alphaCumprod(999)).isEqualTo(0f);
    Objective minSnr = Objective.defaults().withLossWeighting(Objective.Weighting.MIN_SNR);
    try (Scope scope = Scope.open();
        ClassConditionedUNet denoiser = network()) {
      TrainingLoss loss = new DenoisingLoss(denoiser, SCHEDULER.withPredictionType(type), minSnr);
      double value = loss.loss(batch(), new Still()).item();
      assertThat(value).isFinite();
      assertThat(value).isGreaterThan(0.0);
    }
  }

  /** Noise offset and left-out labels help training; what is measured goes without them. */
  @Test
  void theMeasuredLossIsPlain() {
    try (Scope scope = Scope.open();
        ClassConditionedUNet denoiser = network()) {
      DenoisingLoss plain = new DenoisingLoss(denoiser, SCHEDULER, Objective.defaults());
      DenoisingLoss regularised =
          new DenoisingLoss(
              denoiser, SCHEDULER, Objective.defaults().withNoiseOffset(0.1).withClassDropout(0.5));
      Still draws = new Still();
      double measured = regularised.measured().loss(batch(), draws).item();
      assertThat(draws.normals).isEqualTo(1);
      assertThat(measured).isEqualTo(plain.loss(batch(), new Still()).item());
      assertThat(regularised.loss(batch(), new Still()).item()).isNotEqualTo(measured);
    }
  }

  private static Batch batch() {
    Tensor images = Tensor.full(0.5, 2, 1, 8, 8);
    return new Batch(images, new long[] {0, 1}, List.of(), new int[] {0, 1});
  }

  private static ClassConditionedUNet network() {
    UNet2DConfig unet = SmallUNet.config(1 + 3);
    ClassConditionedUNet denoiser =
        new ClassConditionedUNet(
            unet, new ClassConditioning(ClassConditioning.Type.CHANNELS, 2, 3));
    try (Rng random = new Rng(1)) {
      denoiser.reset(random);
    }
    return denoiser;
  }
}
