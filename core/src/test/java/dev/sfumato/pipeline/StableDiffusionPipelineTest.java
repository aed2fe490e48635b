package dev.sfumato.pipeline;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.AutoencoderFile;
import dev.sfumato.checkpoint.ModelParts;
import dev.sfumato.checkpoint.ReadingOptions;
import dev.sfumato.checkpoint.TextEncoderFile;
import dev.sfumato.guidance.GradientMode;
import dev.sfumato.guidance.Guidance;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.picture.Png;
import dev.sfumato.sampling.Sampler;
import dev.sfumato.sampling.SamplingOptions;
import dev.sfumato.sampling.TextOptions;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.scheduler.Step;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Supplier;
import java.util.function.UnaryOperator;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.EnumSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Whole pictures against those that diffusers drew. */
class StableDiffusionPipelineTest {
  private static final double TOLERANCE = 1e-3;

  /** Relative to the largest latent. */
  private static final double LATENTS = 1e-4;

  @TempDir Path folder;

  static Stream<String> cases() {
    return StreamSupport.stream(
            TinyStableDiffusion.GOLDEN.document().get("cases").spliterator(), false)
        .map(c -> c.get("name").textValue());
  }

  private DiffusionPipeline family(String name) {
    Path directory = folder.resolve(name);
    return DiffusionPipeline.load(
        Files.exists(directory) ? directory : TinyStableDiffusion.write(directory, name));
  }

  @Test
  void partsThatWereLoadedOneByOneDrawWhatTheWholeModelDraws() {
    Path directory = TinyStableDiffusion.write(folder.resolve("sd1"), "sd1");
    SamplingOptions options =
        SamplingOptions.defaults().withText(TextOptions.of("a red rose")).withSteps(2);
    try (Scope scope = Scope.open();
        ModelParts files = ModelParts.of(directory, ReadingOptions.DEFAULT);
        DiffusionPipeline whole = DiffusionPipeline.load(directory)) {
      UNet2DConditionModel unet = new UNet2DConditionModel(files.unet());
      unet.load(files.weights("unet"));
      try (StableDiffusionPipeline composed =
          StableDiffusionPipeline.of(
              unet,
              AutoencoderFile.load(directory),
              TextEncoderFile.load(directory),
              files.scheduler())) {
        Tensor expected = whole.sample(options, Sampler.Listener.NONE);
        assertThat(composed.sample(options, Sampler.Listener.NONE)).isWithin(0).of(expected);
        composed.save(folder.resolve("saved"));
        try (DiffusionPipeline saved = DiffusionPipeline.load(folder.resolve("saved"))) {
          assertThat(saved.sample(options, Sampler.Listener.NONE)).isWithin(0).of(expected);
        }
      }
    }
  }

  private static SamplingOptions options(JsonNode golden) {
    JsonNode given = golden.get("options");
    List<String> prompts =
        StreamSupport.stream(given.get("prompts").spliterator(), false)
            .map(JsonNode::textValue)
            .toList();
    TextOptions text = TextOptions.NONE.withPrompts(prompts);
    text = given.has("negative") ? text.withNegative(given.get("negative").textValue()) : text;
    text = given.has("scale") ? text.withGuidanceScale(given.get("scale").doubleValue()) : text;
    text = text.withGuidanceRescale(given.path("rescale").asDouble(0));
    text = text.withClipSkip(given.path("clip_skip").asInt(0));
    if (given.has("original")) {
      JsonNode original = given.get("original");
      JsonNode crop = given.get("crop");
      text = text.withOriginalSize(original.get(0).asInt(), original.get(1).asInt());
      text = text.withCrop(crop.get(0).asInt(), crop.get(1).asInt());
    }
    if (given.has("target")) {
      JsonNode target = given.get("target");
      text = text.withTargetSize(target.get(0).asInt(), target.get(1).asInt());
    }
    SamplingOptions options =
        SamplingOptions.defaults()
            .withText(text)
            .withCount(given.path("count").asInt(1) * prompts.size())
            .withSteps(6)
            .withVaeTiling(given.path("tiled").asBoolean(false))
            .withRun(RunOptions.defaults().withEta(given.path("eta").asDouble(0)))
            .withSeed(7);
    options =
        given.has("height")
            ? options.withSize(given.get("height").asInt(), given.get("width").asInt())
            : options;
    options = given.has("picture") ? started(options, given) : options;
    JsonNode scheduler = golden.get("scheduler");
    return scheduler.isNull()
        ? options
        : options.withScheduler(
            Stream.of(SchedulerKind.values())
                .filter(kind -> kind.className().equals(scheduler.textValue()))
                .findFirst()
                .orElseThrow());
  }

  private static SamplingOptions started(SamplingOptions options, JsonNode given) {
    Path picture = picture("sd_picture", given.get("picture"));
    SamplingOptions started =
        given.has("mask")
            ? options.withInpainting(picture, picture("sd_mask", given.get("mask")))
            : options.withPicture(picture);
    return given.has("strength")
        ? started.withStrength(given.get("strength").doubleValue())
        : started;
  }

  private static Path picture(String name, JsonNode size) {
    return Golden.path("%s_%dx%d.png".formatted(name, size.get(0).asInt(), size.get(1).asInt()));
  }

  @ParameterizedTest
  @MethodSource("cases")
  void drawsWhatDiffusersDraws(String name) {
    JsonNode golden = TinyStableDiffusion.entry("cases", name);
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open();
        DiffusionPipeline refiner = family("refiner");
        DiffusionPipeline pipeline = family(golden.get("family").textValue())) {
      if (golden.get("options").has("refiner")) {
        ((StableDiffusionPipeline) pipeline)
            .refineWith(
                (StableDiffusionPipeline) refiner,
                golden.get("options").get("refiner").doubleValue());
      }
      UnaryOperator<Tensor> keeper = Scope.keeper();
      List<Tensor> latents = new ArrayList<>();
      Tensor pictures =
          pipeline.sample(options(golden), (step, x) -> latents.add(keeper.apply(x.copy())));
      assertThat(pictures)
          .isWithin(TOLERANCE)
          .of(TinyStableDiffusion.GOLDEN.tensor(name + ".images"));
      Tensor expected = TinyStableDiffusion.GOLDEN.tensor(name + ".latents");
      assertThat(latents.get(latents.size() - 1))
          .isWithin(LATENTS * expected.abs().max().item())
          .of(expected);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd1_tiled", "sd1_tiled_from_picture"})
  void tilesAreUsedOnRequestOnly(String name) {
    SamplingOptions tiled = options(TinyStableDiffusion.entry("cases", name));
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = family("sd1")) {
      Tensor whole = pipeline.sample(tiled.withVaeTiling(false), Sampler.Listener.NONE);
      Tensor difference = whole.sub(TinyStableDiffusion.GOLDEN.tensor(name + ".images"));
      assertThat(difference.abs().max().item()).isGreaterThan(20 * TOLERANCE);
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd1", "xl"})
  void theLastPredictionIsTheResult(String family) {
    SamplingOptions options =
        SamplingOptions.defaults()
            .withText(TextOptions.of("a red rose"))
            .withScheduler(SchedulerKind.EULER)
            .withSteps(3);
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = family(family)) {
      UnaryOperator<Tensor> keeper = Scope.keeper();
      List<Tensor> shown = new ArrayList<>();
      Tensor pictures =
          pipeline.sample(
              options,
              new Sampler.Listener() {
                @Override
                public void onStep(Step step, Tensor x) {}

                @Override
                public void onPredictedX0(Step step, Supplier<Tensor> x0) {
                  shown.add(keeper.apply(pipeline.space().preview(x0.get())));
                }
              });
      assertThat(shown).hasSize(3);
      assertThat(shown.get(2)).isWithin(TOLERANCE).of(pictures);
      assertThat(shown.get(0).sub(pictures).abs().max().item()).isGreaterThan(20 * TOLERANCE);
    }
  }

  @Test
  void previewsOfLargePicturesAreSmall() {
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = family("sd1")) {
      Tensor preview = pipeline.space().preview(Tensor.zeros(2, 4, 256, 128));
      assertThat(preview.shape()).isEqualTo(new long[] {2, 3, 128, 64});
    }
  }

  @ParameterizedTest
  @ValueSource(
      strings = {
        "sd1_euler_ancestral",
        "xl_clip_skip",
        "sd1_from_picture",
        "sd1_mask_ddim",
        "sd1_masks_ddim"
      })
  void batchSizeNeverChangesAPicture(String name) {
    JsonNode golden = TinyStableDiffusion.entry("cases", name);
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = family(golden.get("family").textValue())) {
      Tensor one = pipeline.sample(options(golden).withBatchSize(1), Sampler.Listener.NONE);
      Tensor all = pipeline.sample(options(golden).withBatchSize(64), Sampler.Listener.NONE);
      assertThat(one).isWithin(TOLERANCE).of(all);
    }
  }

  @ParameterizedTest
  @EnumSource(GradientMode.class)
  void guidesSeeDecodedPictures(GradientMode mode) {
    SamplingOptions plain =
        SamplingOptions.defaults()
            .withText(TextOptions.of("a red rose").withGuidanceScale(2))
            .withScheduler(SchedulerKind.DDIM)
            .withCount(2)
            .withBatchSize(1)
            .withSteps(6);
    SamplingOptions bright =
        plain
            .withGuidance(Guidance.of(List.of(), mode))
            .withGuide((pictures, at) -> pictures.sub(1).square().mean(), 20);
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = family("sd1")) {
      Tensor before = pipeline.sample(plain, Sampler.Listener.NONE);
      long alive = Scope.liveTensors();
      Tensor after = pipeline.sample(bright, Sampler.Listener.NONE);
      assertThat(Scope.liveTensors()).isEqualTo(alive + 1);
      assertThat(loss(after)).isLessThan(0.9 * loss(before));
    }
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd1", "sd2", "xl"})
  void halfPrecisionDrawsAlmostTheSame(String family) {
    SamplingOptions options =
        SamplingOptions.defaults()
            .withText(TextOptions.of("a red rose").withGuidanceScale(2))
            .withScheduler(SchedulerKind.DDIM)
            .withSteps(3);
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = family(family)) {
      Tensor single = pipeline.sample(options, Sampler.Listener.NONE);
      pipeline.precision(Precision.BF16);
      Tensor half = pipeline.sample(options, Sampler.Listener.NONE);
      double apart = half.sub(single).square().mean().item();
      assertThat(apart).isGreaterThan(0);
      assertThat(apart).isLessThan(0.01 * single.square().mean().item());
    }
  }

  @Test
  void weightsInHalfPrecisionAreWidened() throws IOException {
    Path model = TinyStableDiffusion.write(folder.resolve("wide"), "sd1");
    SamplingOptions options =
        SamplingOptions.defaults().withText(TextOptions.of("a red rose")).withSteps(2);
    try (Scope scope = Scope.open()) {
      Path unet = model.resolve("unet/diffusion_pytorch_model.safetensors");
      Map<String, Tensor> halves = new TreeMap<>();
      Map<String, Tensor> widened = new TreeMap<>();
      Safetensors.open(unet)
          .tensors()
          .forEach(
              (name, weight) -> {
                halves.put(name, weight.to(DType.FLOAT16));
                widened.put(name, weight.to(DType.FLOAT16).to(DType.FLOAT32));
              });
      Safetensors.write(unet, widened, Map.of());
      Tensor expected = drawn(model, options);
      Files.delete(unet);
      Safetensors.write(
          model.resolve("unet/diffusion_pytorch_model.fp16.safetensors"), halves, Map.of());
      assertThat(drawn(model, options)).isIdenticalTo(expected);
    }
  }

  private static Tensor drawn(Path model, SamplingOptions options) {
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(model)) {
      return pipeline.sample(options, Sampler.Listener.NONE);
    }
  }

  private static double loss(Tensor pictures) {
    return pictures.sub(1).square().mean().item();
  }

  @ParameterizedTest
  @ValueSource(strings = {"sd1", "xl"})
  void whatIsSavedLoadsAsTheSame(String family) {
    Path copy = folder.resolve("copy");
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = family(family)) {
      SamplingOptions options =
          SamplingOptions.defaults().withText(TextOptions.of("a red rose")).withSteps(2);
      Tensor pictures = pipeline.sample(options, Sampler.Listener.NONE);
      pipeline.save(copy);
      try (DiffusionPipeline again = DiffusionPipeline.load(copy)) {
        assertThat(again.sample(options, Sampler.Listener.NONE)).isIdenticalTo(pictures);
      }
    }
  }

  @Test
  void pictureHasTheModelsSizeUnlessAnotherIsAskedFor() {
    try (DiffusionPipeline pipeline = family("sd1")) {
      SamplingOptions options = SamplingOptions.defaults().withText(TextOptions.of("a"));
      SamplingOptions complete = pipeline.completed(options);
      assertThat(complete.height().getAsInt()).isEqualTo(16);
      assertThat(complete.steps().getAsInt()).isEqualTo(50);
      refuses(
          "width 15 is not a multiple of 2", () -> pipeline.completed(options.withSize(16, 15)));
    }
  }

  @Test
  void pictureThatIsSmallerThanALatentIsRefused() {
    try (DiffusionPipeline pipeline = family("sd1")) {
      Path pixel = folder.resolve("line.png");
      Png.write(pixel, new BufferedImage(5, 1, BufferedImage.TYPE_INT_RGB));
      SamplingOptions options =
          SamplingOptions.defaults().withText(TextOptions.of("a")).withPicture(pixel);
      refuses("the picture is 5 x 1 pixels", () -> pipeline.completed(options));
    }
  }

  @Test
  void latentConsistencyModelDrawsInFourSteps() {
    try (DiffusionPipeline pipeline = family("lcm_own")) {
      SamplingOptions options = SamplingOptions.defaults().withText(TextOptions.of("a"));
      assertThat(pipeline.completed(options).steps().getAsInt()).isEqualTo(4);
    }
  }

  @Test
  void whatCannotBeDrawnIsRefused() {
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = family("sd1")) {
      SamplingOptions none = SamplingOptions.defaults().withSteps(1);
      refuses("give a prompt", () -> pipeline.sample(none, Sampler.Listener.NONE));
      SamplingOptions two = none.withText(TextOptions.of("a", "b")).withCount(3);
      refuses("3 pictures", () -> pipeline.sample(two, Sampler.Listener.NONE));
      SamplingOptions deep = none.withText(TextOptions.of("a").withClipSkip(9));
      refuses("clip skip", () -> pipeline.sample(deep, Sampler.Listener.NONE));
      SamplingOptions sized = none.withText(TextOptions.of("a").withOriginalSize(64, 64));
      refuses("not told sizes", () -> pipeline.sample(sized, Sampler.Listener.NONE));
    }
  }

  @Test
  void sizesOutOfRangeAreRefused() {
    TextOptions text = TextOptions.of("a");
    refuses("`originalSize` must be at least 1 x 1", () -> text.withOriginalSize(0, 8));
    refuses("`targetSize` must be at least 1 x 1", () -> text.withTargetSize(8, -1));
    refuses("`cropTop` must be at least 0", () -> text.withCrop(-1, 0));
  }

  @Test
  void aRefinerGoesWithABaseModelOfItsKind() {
    try (StableDiffusionPipeline refiner = (StableDiffusionPipeline) family("refiner");
        StableDiffusionPipeline plain = (StableDiffusionPipeline) family("sd1");
        StableDiffusionPipeline xl = (StableDiffusionPipeline) family("xl")) {
      refuses("does not go with", () -> plain.refineWith(refiner, 0.8));
      refuses("does not go with", () -> xl.refineWith(plain, 0.8));
      refuses("not at 1.0", () -> xl.refineWith(refiner, 1));
    }
  }

  @Test
  void aMaskOfAnotherShapeIsRefused() {
    SamplingOptions options =
        SamplingOptions.defaults()
            .withText(TextOptions.of("a"))
            .withSize(16, 16)
            .withInpainting(Golden.path("sd_picture_16x16.png"), Golden.path("sd_mask_21x19.png"));
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = family("sd1")) {
      refuses("the mask is 21 x 19 pixels", () -> pipeline.sample(options, Sampler.Listener.NONE));
    }
  }

  @Test
  void inspectionTellsTheKindAndTheNetworks() {
    Path refiner = TinyStableDiffusion.write(folder.resolve("inspected"), "refiner");
    String text = Inspection.of(refiner);
    assertThat(text).contains("text to image, StableDiffusionXLImg2ImgPipeline");
    assertThat(text).contains("text_encoder_2 ");
    assertThat(text).contains("[16] pixels, latents of 1/2");
    assertThat(text).contains("EulerDiscreteScheduler");
  }

  @Test
  void missingPartsAreNamed() throws IOException {
    Path model = TinyStableDiffusion.write(folder.resolve("broken"), "sd1");
    Path vae = model.resolve("vae/diffusion_pytorch_model.safetensors");
    Files.move(vae, folder.resolve("aside"));
    refuses("vae", () -> DiffusionPipeline.load(model));
    Files.move(folder.resolve("aside"), vae);
    Path vocabulary = model.resolve("tokenizer/vocab.json");
    Files.move(vocabulary, folder.resolve("aside"));
    refuses("tokenizer", () -> DiffusionPipeline.load(model));
    JsonFile.write(
        vocabulary, Map.of("<|startoftext|>", 0, "<|endoftext|>", 1, "a", 2, "far", 99_999));
    refuses("tokenizer of another model", () -> DiffusionPipeline.load(model));
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "vae | \"shift_factor\": 0.1159 | shift_factor, which diffusers leaves out",
        "vae | \"latents_mean\": [0, 0, 0, 1] | latents_mean, which diffusers leaves out",
        "unet | \"num_class_embeds\": 10 | reads classes",
        "unet | \"class_embed_type\": \"timestep\" | reads classes"
      })
  void settingsThatNoPromptTellsOrDiffusersLeavesOutAreRefused(
      String part, String setting, String message) throws IOException {
    Path model = TinyStableDiffusion.write(folder.resolve("other"), "sd1");
    Path config = model.resolve(part).resolve("config.json");
    String key = setting.substring(0, setting.indexOf(':'));
    String rest = Files.readString(config).replaceAll(key + " ?: ?null,?", "");
    Files.writeString(config, rest.replaceFirst("\\{", "{" + setting + ","));
    refuses(message, () -> DiffusionPipeline.load(model));
  }

  @Test
  void picturesThatAreNotNumbersAreAnError() throws IOException {
    Path model = TinyStableDiffusion.write(folder.resolve("nan"), "sd1");
    Path config = model.resolve("vae/config.json");
    String text = Files.readString(config);
    Files.writeString(
        config, text.replaceAll("\"scaling_factor\" ?: ?[0-9.]+", "\"scaling_factor\":1e-300"));
    try (Scope scope = Scope.open();
        DiffusionPipeline pipeline = DiffusionPipeline.load(model)) {
      SamplingOptions options =
          SamplingOptions.defaults().withText(TextOptions.of("a")).withSteps(1);
      refuses("are not numbers", () -> pipeline.sample(options, Sampler.Listener.NONE));
    }
  }

  private static void refuses(String message, Runnable call) {
    SfumatoException e = assertThrows(SfumatoException.class, call::run);
    assertThat(e.getMessage()).contains(message);
    assertThat(e.getMessage()).doesNotContain("\n");
  }
}
