package dev.sfumato.evaluation;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.pipeline.SmallModel;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.tensor.Scope;
import java.io.IOException;
import java.nio.file.Path;
import java.util.List;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class EvaluationTest {
  private static final ClassConditioning DIGITS =
      new ClassConditioning(ClassConditioning.Type.ONE_HOT, 10, 0);

  @TempDir private Path folder;

  /** A model of digits with random weights. */
  private static PixelPipeline model(int channels) {
    return new PixelPipeline(
        SmallModel.network(channels, List.of(28), DIGITS), SchedulerConfig.ddpmDefaults());
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
