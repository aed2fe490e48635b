package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.data.Batch;
import dev.sfumato.data.Crop;
import dev.sfumato.data.Share;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Optional;
import org.junit.jupiter.api.AfterEach;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** Losses in which only a part of the pictures counts. */
class MaskedLossTest {
  private static final int SIDE = 16;

  @TempDir Path folder;
  private StableDiffusionPipeline pipeline;

  @BeforeEach
  void load() {
    pipeline =
        StableDiffusionPipeline.load(TinyStableDiffusion.write(folder.resolve("model"), "sd1"));
  }

  @AfterEach
  void free() {
    pipeline.close();
  }

  /** A mask of both pictures: the weight of a pixel in a row and a column. */
  private interface Weight {
    float at(int row, int column);
  }

  private double loss(Objective.Weighting weighting, Optional<Weight> mask) {
    Objective objective = Objective.defaults().withCaptionDropout(0).withLossWeighting(weighting);
    try (Scope scope = Scope.open();
        Rng random = new Rng(3);
        Rng choices = new Rng(4)) {
      Tensor images = random.normal(2, 3, SIDE, SIDE);
      Batch plain =
          new Batch(images, new long[0], List.of("a red rose", "a cat"), new int[] {0, 1});
      List<Crop> crops = plain.crops();
      Batch batch =
          new Batch(
              images,
              plain.labels(),
              plain.captions(),
              plain.indices(),
              crops,
              mask.map(this::mask));
      return new DenoisingLoss(pipeline, objective, LatentCache.NONE)
          .loss(batch, new SharedDraws(random, choices, 2, Share.ALL))
          .item();
    }
  }

  private Tensor mask(Weight weight) {
    float[] values = new float[2 * SIDE * SIDE];
    for (int i = 0; i < values.length; i++) {
      values[i] = weight.at(i / SIDE % SIDE, i % SIDE);
    }
    return Tensor.of(values, 2, 1, SIDE, SIDE);
  }

  @Test
  void aPictureThatCountsWholeHasTheUsualLoss() {
    for (Objective.Weighting weighting : Objective.Weighting.values()) {
      double usual = loss(weighting, Optional.empty());
      assertThat(loss(weighting, Optional.of((row, column) -> 1))).isWithin(1e-6).of(usual);
      assertThat(loss(weighting, Optional.of((row, column) -> 0))).isEqualTo(0);
    }
  }

  @Test
  void theLossesOfTwoPartsAddUp() {
    double usual = loss(Objective.Weighting.NONE, Optional.empty());
    double left = loss(Objective.Weighting.NONE, Optional.of((row, column) -> column < 6 ? 1 : 0));
    double right = loss(Objective.Weighting.NONE, Optional.of((row, column) -> column < 6 ? 0 : 1));
    assertThat(left).isGreaterThan(0.1 * usual);
    assertThat(right).isGreaterThan(left);
    assertThat(left + right).isWithin(1e-6).of(usual);
  }

  @Test
  void aLatentHasTheMeanOfItsPixels() {
    double usual = loss(Objective.Weighting.NONE, Optional.empty());
    assertThat(loss(Objective.Weighting.NONE, Optional.of((row, column) -> (row + column) % 2)))
        .isWithin(1e-6)
        .of(usual / 2);
  }
}
