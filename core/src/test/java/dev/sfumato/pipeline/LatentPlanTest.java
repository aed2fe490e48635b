package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;

import dev.sfumato.guidance.Conditioning;
import dev.sfumato.guidance.Inpainting;
import dev.sfumato.model.PictureSpace;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.StandInCard;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.ValueSource;

class LatentPlanTest {
  @TempDir Path folder;

  /** Stands for an autoencoder: the stand-in has no convolutions. */
  private static final PictureSpace SPACE =
      new PictureSpace() {
        @Override
        public int scale() {
          return 2;
        }

        @Override
        public Tensor encode(Tensor pictures, Rng random) {
          long[] shape = pictures.shape();
          return Tensor.zeros(pictures.device(), shape[0], 4, shape[2] / 2, shape[3] / 2);
        }

        @Override
        public Tensor decode(Tensor x) {
          throw new AssertionError("nothing is decoded");
        }
      };

  @ParameterizedTest
  @ValueSource(doubles = {0.8, 1})
  void allThatAStepPutsBackLiesOnTheCard(double strength) {
    SamplingOptions options =
        SamplingOptions.defaults()
            .withInpainting(Golden.path("sd_picture_16x16.png"), Golden.path("sd_mask_16x16.png"))
            .withStrength(strength)
            .withCount(1)
            .withSize(16, 16);
    try (StableDiffusionPipeline pipeline =
            StableDiffusionPipeline.load(TinyStableDiffusion.write(folder, "sd1"));
        Scope scope = Scope.open();
        Rng random = new Rng(0)) {
      StandInCard.place(pipeline.denoiser().unet());
      try (LoadedSources sources = new LoadedSources(pipeline, 16, 16)) {
        Plan plan = new LatentPlan(SPACE, 4, false).of(options, Conditioning.NONE, sources, random);
        Inpainting known = plan.guidance().inpainting().orElseThrow();
        assertThat(known.picture().device()).isEqualTo(StandInCard.DEVICE);
        assertThat(known.redraw().device()).isEqualTo(StandInCard.DEVICE);
        assertThat(known.noise().orElseThrow().device()).isEqualTo(StandInCard.DEVICE);
      }
    }
  }
}
