package dev.sfumato.springai;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import dev.sfumato.guidance.GuideSpec;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.LiveLora;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.sampling.PromptSyntax;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Scope;
import java.net.URI;
import java.nio.file.Path;
import java.util.Base64;
import java.util.List;
import java.util.Map;
import java.util.concurrent.CompletableFuture;
import java.util.stream.IntStream;
import org.junit.jupiter.api.AfterAll;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.springframework.ai.content.Media;
import org.springframework.ai.image.ImageMessage;
import org.springframework.ai.image.ImageOptions;
import org.springframework.ai.image.ImageOptionsBuilder;
import org.springframework.ai.image.ImagePrompt;
import org.springframework.ai.image.ImageResponse;
import org.springframework.core.io.FileSystemResource;
import org.springframework.util.MimeTypeUtils;

class SfumatoImageModelTest {
  private static final String ROSE = "a red rose";
  private static final TextOptions TEXT = TextOptions.of(ROSE);
  private static final SamplingOptions OPTIONS =
      SamplingOptions.defaults().withText(TEXT).withSteps(2).withSeed(7);
  private static final SfumatoImageOptions SEVEN = SfumatoImageOptions.builder().seed(7L).build();

  @TempDir static Path folder;
  private static Path files;
  private static StableDiffusionPipeline pipeline;
  private static SfumatoImageModel model;

  @BeforeAll
  static void load() {
    files = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    pipeline = StableDiffusionPipeline.load(files);
    model = model();
  }

  @AfterAll
  static void free() {
    model.close();
    pipeline.close();
  }

  private static SfumatoImageModel model() {
    return new SfumatoImageModel(
        DiffusionPipeline.load(files), SfumatoImageOptions.builder().steps(2).build());
  }

  private static List<byte[]> pngs(ImageResponse response) {
    return response.getResults().stream()
        .map(result -> Base64.getDecoder().decode(result.getOutput().getB64Json()))
        .toList();
  }

  private static byte[] called(String prompt, ImageOptions options) {
    return pngs(model.call(new ImagePrompt(prompt, options))).get(0);
  }

  private static byte[] called(ImageOptions options, ImageMessage... messages) {
    return pngs(model.call(new ImagePrompt(List.of(messages), options))).get(0);
  }

  private static byte[] drawn(SamplingOptions options) {
    return Png.encode(pipeline.draw(options).get(0));
  }

  private static ImageMessage with(Media... media) {
    return new ImageMessage(ROSE, null, List.of(media), Map.of());
  }

  private static Media media(Path file) {
    return new Media(MimeTypeUtils.IMAGE_PNG, new FileSystemResource(file));
  }

  private static Media mask(Path file) {
    return Media.builder()
        .mimeType(MimeTypeUtils.IMAGE_PNG)
        .data(new FileSystemResource(file))
        .name("mask")
        .build();
  }

  private static String refusal(ImageOptions options, ImageMessage... messages) {
    ImagePrompt prompt = new ImagePrompt(List.of(messages), options);
    return assertThrows(SfumatoException.class, () -> model.call(prompt)).getMessage();
  }

  @Test
  void drawsWhatThePipelineDraws() {
    ImageResponse rose = model.call(new ImagePrompt(ROSE, SEVEN));
    assertThat(pngs(rose).get(0)).isEqualTo(drawn(OPTIONS));
    assertThat(rose.getMetadata().<Long>get(SfumatoImageModel.SEED)).isEqualTo(7);
  }

  @Test
  void aNewSeedIsToldAndDrawsTheSameAgain() {
    ImageResponse one = model.call(new ImagePrompt(ROSE));
    ImageResponse other = model.call(new ImagePrompt(List.of(new ImageMessage(ROSE))));
    assertThat(pngs(one).get(0)).isNotEqualTo(pngs(other).get(0));
    long seed = one.getMetadata().<Long>get(SfumatoImageModel.SEED);
    SfumatoImageOptions again = SfumatoImageOptions.builder().seed(seed).build();
    assertThat(called(ROSE, again)).isEqualTo(pngs(one).get(0));
  }

  @Test
  void drawsSeveralPicturesOfAnotherSize() {
    SfumatoImageOptions two =
        SfumatoImageOptions.builder().seed(7L).n(2).height(24).width(16).build();
    List<byte[]> roses = pngs(model.call(new ImagePrompt(ROSE, two)));
    List<byte[]> expected =
        pipeline.draw(OPTIONS.withCount(2).withSize(24, 16)).stream().map(Png::encode).toList();
    assertThat(roses).hasSize(2);
    assertThat(roses.get(0)).isEqualTo(expected.get(0));
    assertThat(roses.get(1)).isEqualTo(expected.get(1));
  }

  @Test
  void followsPortableOptions() {
    ImageOptions portable =
        ImageOptionsBuilder.builder().n(2).height(24).width(16).responseFormat("b64_json").build();
    ImageResponse response = model.call(new ImagePrompt(ROSE, portable));
    assertThat(response.getResults()).hasSize(2);
    long seed = response.getMetadata().<Long>get(SfumatoImageModel.SEED);
    assertThat(pngs(response).get(0))
        .isEqualTo(drawn(OPTIONS.withCount(2).withSize(24, 16).withSeed(seed)));
  }

  @Test
  void refusesPortableOptionsThatItCannotFollow() {
    ImageMessage rose = new ImageMessage(ROSE);
    assertThat(refusal(ImageOptionsBuilder.builder().model("dall-e-3").build(), rose))
        .isEqualTo("`model` dall-e-3: an image model draws with the one it has loaded");
    assertThat(refusal(ImageOptionsBuilder.builder().style("vivid").build(), rose))
        .isEqualTo("`style` vivid: say the style in the prompt, or use a LoRA");
    assertThat(refusal(ImageOptionsBuilder.builder().responseFormat("url").build(), rose))
        .isEqualTo("`responseFormat` url: pictures come as b64_json");
    assertThat(refusal(ImageOptionsBuilder.builder().n(0).build(), rose))
        .isEqualTo("`count` must be at least 1, not 0");
    assertThat(refusal(ImageOptionsBuilder.builder().width(17).build(), rose))
        .isEqualTo("width 17 is not a multiple of 2, which the model draws in");
  }

  @Test
  void passesItsOwnOptionsOn() {
    GuideSpec guide = GuideSpec.parse("color=teal").with("scale", 5);
    SfumatoImageOptions own =
        SfumatoImageOptions.builder()
            .seed(7L)
            .steps(3)
            .scheduler(SchedulerKind.DDIM)
            .guidanceScale(3.0)
            .negativePrompt("blurry")
            .guide(guide)
            .build();
    SamplingOptions expected =
        OPTIONS
            .withSteps(3)
            .withScheduler(SchedulerKind.DDIM)
            .withText(TEXT.withGuidanceScale(3).withNegative("blurry"))
            .withGuide(guide);
    assertThat(called(ROSE, own)).isEqualTo(drawn(expected));
  }

  @Test
  void aLoraIsForOneCall() {
    Path file = Golden.path("lora/sd1_peft.safetensors");
    SfumatoImageOptions styled = SfumatoImageOptions.builder().seed(7L).lora(file, 0.5).build();
    byte[] picture = called(ROSE, styled);
    assertThat(called(ROSE, SEVEN)).isEqualTo(drawn(OPTIONS));
    try (LiveLora lora = pipeline.addLora(file, 0.5)) {
      assertThat(picture).isEqualTo(drawn(OPTIONS));
    }
  }

  @Test
  void negativeMessagesSayWhatNoPictureShows() {
    byte[] clean = called(SEVEN, new ImageMessage(ROSE), new ImageMessage("blurry", -1f));
    assertThat(clean).isEqualTo(drawn(OPTIONS.withText(TEXT.withNegative("blurry"))));
    assertThat(clean).isNotEqualTo(drawn(OPTIONS));
    SfumatoImageOptions more =
        SfumatoImageOptions.builder().seed(7L).negativePrompt("grey").build();
    assertThat(
            called(
                more,
                new ImageMessage("a rose", 1f),
                new ImageMessage("blurry", -1f),
                new ImageMessage("red")))
        .isEqualTo(
            drawn(OPTIONS.withText(TextOptions.of("a rose, red").withNegative("grey, blurry"))));
  }

  @Test
  void weightsAreThoseOfTheWebInterfaces() {
    assertThat(
            called(
                SEVEN,
                new ImageMessage("a rose (red)", 1.5f),
                new ImageMessage("leaves", 0.5f),
                new ImageMessage("blurry", -2f)))
        .isEqualTo(
            drawn(
                OPTIONS.withText(
                    TextOptions.of("(a rose \\(red\\):1.5), (leaves:0.5)")
                        .withNegative("(blurry:2)")
                        .withSyntax(PromptSyntax.A1111))));
    assertThat(refusal(SEVEN, new ImageMessage(ROSE, Float.NaN)))
        .isEqualTo("`weight` of a message must be a number, not NaN");
  }

  @Test
  void changesAPicture() {
    Path picture = Golden.path("sd_picture_16x24.png");
    SamplingOptions started = OPTIONS.withPicture(picture);
    assertThat(called(SEVEN, with(media(picture)))).isEqualTo(drawn(started));
    SfumatoImageOptions half = SfumatoImageOptions.builder().seed(7L).strength(0.5).build();
    assertThat(called(half, with(media(picture)))).isEqualTo(drawn(started.withStrength(0.5)));
  }

  @Test
  void drawsAPartAnew() {
    Path picture = Golden.path("sd_picture_16x16.png");
    Path mask = Golden.path("sd_mask_16x16.png");
    assertThat(called(SEVEN, with(media(picture), mask(mask))))
        .isEqualTo(drawn(OPTIONS.withInpainting(picture, mask)));
  }

  @Test
  void refusesPicturesThatItCannotUse() {
    Media picture = media(Golden.path("sd_picture_16x16.png"));
    Media mask = mask(Golden.path("sd_mask_16x16.png"));
    assertThat(refusal(SEVEN, with(mask)))
        .isEqualTo("`mask` needs a picture to start from: add it to the message as media");
    SfumatoImageOptions half = SfumatoImageOptions.builder().strength(0.5).build();
    assertThat(refusal(half, with()))
        .isEqualTo("`strength` needs a picture to start from: add it to the message as media");
    assertThat(refusal(SEVEN, with(picture, picture)))
        .startsWith("a drawing takes one picture, not ");
    Media address = new Media(MimeTypeUtils.IMAGE_PNG, URI.create("http://localhost/rose.png"));
    assertThat(refusal(SEVEN, with(address)))
        .isEqualTo("picture: give its content, as a resource or bytes; addresses are not opened");
  }

  @Test
  void defaultsHoldUntilAPromptSaysOtherwise() {
    SfumatoImageOptions defaults =
        SfumatoImageOptions.builder()
            .steps(2)
            .seed(7L)
            .strength(0.5)
            .negativePrompt("grey")
            .build();
    try (SfumatoImageModel own = new SfumatoImageModel(DiffusionPipeline.load(files), defaults)) {
      SamplingOptions grey = OPTIONS.withText(TEXT.withNegative("grey"));
      assertThat(pngs(own.call(new ImagePrompt(ROSE))).get(0)).isEqualTo(drawn(grey));
      SfumatoImageOptions three = SfumatoImageOptions.builder().steps(3).build();
      assertThat(pngs(own.call(new ImagePrompt(ROSE, three))).get(0))
          .isEqualTo(drawn(grey.withSteps(3)));
    }
  }

  @Test
  void refusesWhatTheModelCannotDo() {
    try (DiffusionPipeline digits = DiffusionPipeline.load(Path.of("../models/mnist"))) {
      assertThat(assertThrows(SfumatoException.class, () -> new SfumatoImageModel(digits, SEVEN)))
          .hasMessageThat()
          .isEqualTo(
              "the model draws classes: prompts and their options need a text-to-image model");
    }
    SfumatoImageOptions odd = SfumatoImageOptions.builder().width(17).build();
    assertThrows(SfumatoException.class, () -> new SfumatoImageModel(pipeline, odd));
  }

  @Test
  void threadsGetWhatEachWouldGetAlone() {
    List<CompletableFuture<byte[]>> answers =
        IntStream.range(0, 6)
            .mapToObj(i -> CompletableFuture.supplyAsync(() -> called("rose " + i, SEVEN)))
            .toList();
    for (int i = 0; i < answers.size(); i++) {
      SamplingOptions alone = OPTIONS.withText(TextOptions.of("rose " + i));
      assertThat(answers.get(i).join()).isEqualTo(drawn(alone));
    }
  }

  @Test
  void leavesNoTensorsBehind() {
    Media picture = media(Golden.path("sd_picture_16x16.png"));
    Media mask = mask(Golden.path("sd_mask_16x16.png"));
    long empty = Scope.liveTensors();
    SfumatoImageModel own = model();
    own.call(new ImagePrompt(ROSE));
    long loaded = Scope.liveTensors();
    for (int i = 0; i < 20; i++) {
      own.call(new ImagePrompt(ROSE));
      own.call(new ImagePrompt(with(picture), SEVEN));
      own.call(new ImagePrompt(with(picture, mask), SEVEN));
    }
    assertThat(Scope.liveTensors()).isEqualTo(loaded);
    own.close();
    assertThat(Scope.liveTensors()).isEqualTo(empty);
    assertThrows(SfumatoException.class, () -> own.call(new ImagePrompt(ROSE)));
  }
}
