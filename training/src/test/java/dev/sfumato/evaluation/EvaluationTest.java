package dev.sfumato.evaluation;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.model.ClassConditionedUNet;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Scope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluationTest {
  private static final ClassConditioning DIGITS =
      new ClassConditioning(ClassConditioning.Type.ONE_HOT, 10, 0);

  @TempDir private Path folder;

  /** A model of digits with random weights. */
  private static PixelPipeline model(int channels) {
    UNet2DConfig unet =
        UNet2DConfig.of(
            Map.of(
                "sample_size",
                28,
                "in_channels",
                channels + DIGITS.extraChannels(),
                "out_channels",
                channels,
                "layers_per_block",
                1,
                "block_out_channels",
                List.of(8),
                "norm_num_groups",
                4,
                "down_block_types",
                List.of("DownBlock2D"),
                "up_block_types",
                List.of("UpBlock2D")));
    ClassConditionedUNet denoiser = new ClassConditionedUNet(unet, DIGITS);
    try (Rng random = new Rng(0)) {
      denoiser.reset(random);
    }
    return new PixelPipeline(denoiser, SchedulerConfig.ddpmDefaults());
  }

  private static SamplingOptions options(int count) {
    return SamplingOptions.defaults().withCount(count).withSteps(1);
  }

  @Test
  void drawsTheClassesInTurnUnlessTheOptionsNameSome() {
    try (PixelPipeline model = model(1);
        PictureClassifier digits = PictureClassifier.digits();
        Scope scope = Scope.open()) {
      Evaluation all = Evaluation.ofModel(model, options(12), Sampler.Listener.NONE);
      assertThat(all.classes(digits).classes().stream().map(ClassReport.Row::asked))
          .containsExactly(2, 2, 1, 1, 1, 1, 1, 1, 1, 1)
          .inOrder();
      assertThat(all.summary().count()).isEqualTo(12);
      Evaluation some =
          Evaluation.ofModel(model, options(3).withClasses("7", "4"), Sampler.Listener.NONE);
      assertThat(some.classes(digits).classes().stream().map(ClassReport.Row::name))
          .containsExactly("4", "7")
          .inOrder();
    }
    assertThat(Scope.liveTensors()).isEqualTo(0);
  }

  @Test
  void refusesPicturesThatAreNeitherGrayNorColoured() {
    try (PixelPipeline model = model(2)) {
      assertThat(
              assertThrows(SfumatoException.class, () -> Evaluation.completed(model, options(1))))
          .hasMessageThat()
          .contains("only gray and RGB");
    }
  }

  @Test
  void measuresPicturesOfADataSet() throws IOException {
    Digits.writeTo(folder);
    Evaluation pictures = Evaluation.ofPictures(folder.toString());
    assertThat(pictures.summary().count()).isEqualTo(20);
    try (PictureClassifier digits = PictureClassifier.digits()) {
      assertThat(pictures.classes(digits).right())
          .isEqualTo(Digits.right(digits.read(Digits.dataset())));
    }
  }
}
