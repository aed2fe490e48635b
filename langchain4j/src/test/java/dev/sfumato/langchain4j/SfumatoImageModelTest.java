package dev.sfumato.langchain4j;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.langchain4j.data.image.Image;
import dev.langchain4j.model.image.ImageModel;
import dev.langchain4j.model.output.Response;
import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.GuideSpec;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Scope;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

class SfumatoImageModelTest {
  private static final String ROSE = "a red rose";
  private static final TextOptions TEXT = TextOptions.of(ROSE);
  private static final SamplingOptions OPTIONS =
      SamplingOptions.defaults().withText(TEXT).withSteps(2).withSeed(7);

  @TempDir static Path folder;
  private static Path files;
  private static DiffusionPipeline pipeline;

  @BeforeAll
  static void load() {
    files = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    pipeline = DiffusionPipeline.load(files);
  }

  @AfterAll
  static void free() {
    pipeline.close();
  }

  private static SfumatoImageModel.Builder builder() {
    return SfumatoImageModel.builder(DiffusionPipeline.load(files)).steps(2);
  }

  private static byte[] png(Response<Image> response) {
    return Base64.getDecoder().decode(response.content().base64Data());
  }

  private static List<byte[]> drawn(SamplingOptions options) {
    return pipeline.draw(options).stream().map(Png::encode).toList();
  }

  private static Image image(Path file) throws IOException {
    return Image.builder()
        .base64Data(Base64.getEncoder().encodeToString(Files.readAllBytes(file)))
        .build();
  }

  @Test
  void drawsWhatThePipelineDraws() {
    try (SfumatoImageModel model = builder().seed(7).build()) {
      Response<Image> rose = model.generate(ROSE);
      assertThat(png(rose)).isEqualTo(drawn(OPTIONS).get(0));
      assertThat(rose.content().mimeType()).isEqualTo("image/png");
      assertThat(rose.metadata()).containsExactly(SfumatoImageModel.SEED, 7L);
    }
  }

  @Test
  void drawsSeveralPictures() {
    try (SfumatoImageModel model = builder().seed(7).build()) {
      List<byte[]> roses =
          model.generate(ROSE, 3).content().stream()
              .map(image -> Base64.getDecoder().decode(image.base64Data()))
              .toList();
      List<byte[]> expected = drawn(OPTIONS.withCount(3));
      assertThat(roses).hasSize(3);
      IntStream.range(0, 3).forEach(i -> assertThat(roses.get(i)).isEqualTo(expected.get(i)));
      assertThat(assertThrows(SfumatoException.class, () -> model.generate(ROSE, 0)))
          .hasMessageThat()
          .isEqualTo("`count` must be at least 1, not 0");
    }
  }

  @Test
  void passesEverySettingOn() {
    GuideSpec guide = GuideSpec.parse("color=teal").with("scale", 5);
    try (SfumatoImageModel model =
        builder()
            .seed(7)
            .steps(3)
            .scheduler(SchedulerKind.DDIM)
            .size(24, 16)
            .guidanceScale(3)
            .negativePrompt("blurry")
            .guide(guide)
            .build()) {
      SamplingOptions expected =
          OPTIONS
              .withSteps(3)
              .withScheduler(SchedulerKind.DDIM)
              .withSize(24, 16)
              .withText(TEXT.withGuidanceScale(3).withNegative("blurry"))
              .withGuide(guide);
      assertThat(png(model.generate(ROSE))).isEqualTo(drawn(expected).get(0));
      assertThat(drawn(expected).get(0))
          .isNotEqualTo(drawn(expected.withText(TEXT.withGuidanceScale(3))).get(0));
    }
  }

  @Test
  void changesAPicture() throws IOException {
    Path picture = Golden.path("sd_picture_16x24.png");
    try (SfumatoImageModel model = builder().seed(7).build();
        SfumatoImageModel careful = builder().seed(7).strength(0.5).build()) {
      SamplingOptions started = OPTIONS.withPicture(picture);
      assertThat(png(model.edit(image(picture), ROSE))).isEqualTo(drawn(started).get(0));
      assertThat(png(careful.edit(image(picture), ROSE)))
          .isEqualTo(drawn(started.withStrength(0.5)).get(0));
    }
  }

  @Test
  void drawsAPartAnew() throws IOException {
    Path picture = Golden.path("sd_picture_16x16.png");
    Path mask = Golden.path("sd_mask_16x16.png");
    try (SfumatoImageModel model = builder().seed(7).build()) {
      assertThat(png(model.edit(image(picture), image(mask), ROSE)))
          .isEqualTo(drawn(OPTIONS.withInpainting(picture, mask)).get(0));
      Image wide = image(Golden.path("sd_mask_24x16.png"));
      assertThat(assertThrows(SfumatoException.class, () -> model.edit(image(picture), wide, ROSE)))
          .hasMessageThat()
          .isEqualTo(
              "mask: the mask is 24 x 16 pixels, but the picture 16 x 16: give them one shape");
    }
  }

  @Test
  void refusesPicturesThatItCannotRead() {
    try (SfumatoImageModel model = builder().build()) {
      Image address = Image.builder().url("http://localhost/rose.png").build();
      assertThat(assertThrows(SfumatoException.class, () -> model.edit(address, ROSE)))
          .hasMessageThat()
          .isEqualTo("image: give its content as base64 data; addresses are not opened");
      Image damaged = Image.builder().base64Data("a rose").build();
      assertThat(assertThrows(SfumatoException.class, () -> model.edit(damaged, ROSE)))
          .hasMessageThat()
          .startsWith("image: its content is not base64");
      Image text = Image.builder().base64Data("cm9zZQ==").build();
      assertThat(assertThrows(SfumatoException.class, () -> model.edit(text, ROSE)))
          .hasMessageThat()
          .startsWith("image: not a JPEG");
    }
  }

  @Test
  void aNewSeedIsToldAndDrawsTheSameAgain() {
    try (SfumatoImageModel model = builder().build()) {
      Response<Image> one = model.generate(ROSE);
      Response<Image> other = model.generate(ROSE);
      assertThat(png(one)).isNotEqualTo(png(other));
      long seed = (Long) one.metadata().get(SfumatoImageModel.SEED);
      assertThat(drawn(OPTIONS.withSeed(seed)).get(0)).isEqualTo(png(one));
    }
  }

  @Test
  void threadsGetWhatEachWouldGetAlone() {
    try (SfumatoImageModel model = builder().seed(7).build()) {
      List<CompletableFuture<byte[]>> answers =
          IntStream.range(0, 6)
              .mapToObj(i -> CompletableFuture.supplyAsync(() -> png(model.generate("rose " + i))))
              .toList();
      for (int i = 0; i < answers.size(); i++) {
        SamplingOptions alone = OPTIONS.withText(TextOptions.of("rose " + i));
        assertThat(answers.get(i).join()).isEqualTo(drawn(alone).get(0));
      }
    }
  }

  @Test
  void leavesNoTensorsBehind() throws IOException {
    Image picture = image(Golden.path("sd_picture_16x16.png"));
    Image mask = image(Golden.path("sd_mask_16x16.png"));
    long empty = Scope.liveTensors();
    SfumatoImageModel model = builder().build();
    model.generate(ROSE);
    long loaded = Scope.liveTensors();
    for (int i = 0; i < 20; i++) {
      model.generate(ROSE);
      model.edit(picture, ROSE);
      model.edit(picture, mask, ROSE);
    }
    assertThat(Scope.liveTensors()).isEqualTo(loaded);
    model.close();
    assertThat(Scope.liveTensors()).isEqualTo(empty);
    assertThrows(SfumatoException.class, () -> model.generate(ROSE));
  }

  @Test
  void refusesAModelThatDrawsNoTexts() {
    try (DiffusionPipeline digits = DiffusionPipeline.load(Path.of("../models/mnist"))) {
      assertThat(
              assertThrows(SfumatoException.class, () -> SfumatoImageModel.builder(digits).build()))
          .hasMessageThat()
          .isEqualTo(
              "the model draws classes: prompts and their options need a text-to-image model");
    }
  }

  @Test
  void isAnImageModel() {
    try (SfumatoImageModel model = builder().build()) {
      ImageModel plain = model;
      assertThat(plain.generate(ROSE).content().base64Data()).isNotEmpty();
    }
  }
}
