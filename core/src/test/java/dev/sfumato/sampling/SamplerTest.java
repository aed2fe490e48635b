package dev.sfumato.sampling;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.picture.Pictures;
import dev.sfumato.picture.Pixels;
import dev.sfumato.picture.Png;
import dev.sfumato.pipeline.DiffusionPipeline;
import dev.sfumato.pipeline.PixelPipeline;
import dev.sfumato.scheduler.RunOptions;
import dev.sfumato.scheduler.SchedulerConfig;
import dev.sfumato.scheduler.SchedulerKind;
import dev.sfumato.tensor.Autograd;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Precision;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.awt.image.BufferedImage;
import java.awt.image.Raster;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.Set;
import java.util.concurrent.CancellationException;
import java.util.concurrent.ExecutorService;
import java.util.concurrent.Executors;
import java.util.concurrent.Future;
import java.util.stream.Collectors;
import java.util.stream.IntStream;
import java.util.stream.LongStream;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.MethodSource;
import org.junit.jupiter.params.provider.ValueSource;

/** Pictures against those that diffusers samples from the same directories. */
class SamplerTest {
  private static final Golden GOLDEN = Golden.read("pipeline/images");

  @TempDir Path temporary;

  static Stream<String> cases() {
    return StreamSupport.stream(GOLDEN.document().get("cases").spliterator(), false)
        .map(c -> c.get("name").textValue());
  }

  @ParameterizedTest
  @MethodSource("cases")
  void picturesAreThoseOfDiffusers(String name) throws IOException {
    JsonNode golden = goldenCase(name);
    compare(directory(golden), golden);
  }

  @ParameterizedTest
  @ValueSource(strings = {"tiny-bin", "tiny-old-attention", "tiny/unet"})
  void otherFormsOfTheSameModelDrawTheSame(String directory) {
    compare(Golden.path("pipeline/" + directory), goldenCase("ddpm"));
  }

  private static void compare(Path directory, JsonNode golden) {
    try (Scope scope = Scope.open()) {
      Tensor images = sample(directory, golden, 64);
      Tensor expected = GOLDEN.tensor(golden.get("name").textValue());
      assertThat(images).isWithin(1e-3).of(expected);
      assertWithMessage("share of pixels off by more than one level")
          .that(shareOff(Pictures.grid(images, 1), Pictures.grid(expected, 1)))
          .isAtMost(1e-3);
    }
  }

  private static double shareOff(BufferedImage a, BufferedImage b) {
    int[] left = samples(a.getRaster());
    int[] right = samples(b.getRaster());
    long off = 0;
    for (int i = 0; i < left.length; i++) {
      off += Math.abs(left[i] - right[i]) > 1 ? 1 : 0;
    }
    return (double) off / left.length;
  }

  private static int[] samples(Raster raster) {
    return raster.getPixels(0, 0, raster.getWidth(), raster.getHeight(), (int[]) null);
  }

  /** The kernels for other batch sizes round otherwise: the pictures of 8 bits are the same. */
  @ParameterizedTest
  @ValueSource(strings = {"ddim_eta", "channels", "embedding_guided"})
  void theBatchSizeDoesNotMatter(String name) throws IOException {
    JsonNode golden = goldenCase(name);
    Path directory = directory(golden);
    try (Scope scope = Scope.open()) {
      Tensor together = sample(directory, golden, 64);
      Tensor twoByTwo = sample(directory, golden, 2);
      assertThat(twoByTwo).isWithin(1e-4).of(together);
      assertThat(shareOff(Pictures.grid(twoByTwo, 1), Pictures.grid(together, 1))).isEqualTo(0);
    }
  }

  @Test
  void nothingButThePicturesStaysAlive() {
    JsonNode golden = goldenCase("channels");
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open()) {
      sample(Golden.path("pipeline/tiny-channels"), golden, 2);
      assertThat(Scope.liveTensors()).isEqualTo(before + 1);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void aFailureInTheMiddleFreesEverything() {
    long before = Scope.liveTensors();
    try (PixelPipeline pipeline = PixelPipeline.load(Golden.path("pipeline/tiny"))) {
      long loaded = Scope.liveTensors();
      assertThrows(
          IllegalStateException.class,
          () ->
              pipeline.sample(
                  ddim(2, 5),
                  (step, x) -> {
                    throw new IllegalStateException();
                  }));
      assertThat(Scope.liveTensors()).isEqualTo(loaded);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  /** Never a black picture: the step is named. */
  @Test
  void whatIsNotFiniteIsAnErrorThatNamesTheStep() {
    long before = Scope.liveTensors();
    try (PixelPipeline pipeline = PixelPipeline.load(Golden.path("pipeline/tiny"))) {
      long loaded = Scope.liveTensors();
      try (Autograd.Recording off = Autograd.off()) {
        pipeline.denoiser().parameters().get("unet.conv_out.bias").fill_(Float.MAX_VALUE);
        pipeline.denoiser().parameters().get("unet.conv_out.weight").fill_(Float.MAX_VALUE);
      }
      SfumatoException e = assertThrows(Sampler.NotFinite.class, () -> pipeline.draw(ddim(2, 5)));
      assertThat(e).hasMessageThat().contains("step 1 of 5: the network predicts NaN or infinity");
      assertThat(Scope.liveTensors()).isEqualTo(loaded);
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "tiny | 3 | 1 | the model is not class-conditioned: leave out the classes",
        "tiny-channels | 10 | 1 | class 10 is out of range: the model knows 0 to 9",
        "tiny-channels | -1 | 1 | class -1 is out of range: the model knows 0 to 9",
        "tiny-embedding | 3 | 2 | classifier-free guidance needs a model",
        "tiny |  | 2 | classifier-free guidance needs a model",
        "tiny-embedding | | 1 | say which of its 11 classes to draw",
      })
  void refusesClassesThatTheModelDoesNotKnow(
      String model, Long label, double scale, String message) {
    try (PixelPipeline pipeline = PixelPipeline.load(Golden.path("pipeline/" + model))) {
      long[] labels = label == null ? new long[0] : new long[] {label};
      SfumatoException e =
          assertThrows(
              SfumatoException.class,
              () -> pipeline.draw(ddim(1, 2).withLabels(labels).withGuidanceScale(scale)));
      assertThat(e).hasMessageThat().contains(message);
    }
  }

  @Test
  void fourThreadsDrawWhatEachWouldDrawAlone() throws Exception {
    ExecutorService threads = Executors.newFixedThreadPool(4);
    long before = Scope.liveTensors();
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(Golden.path("pipeline/tiny"))) {
      List<SamplingOptions> options =
          IntStream.range(0, 8)
              .mapToObj(seed -> ddim(2, 5).withSeed(seed).withGuide("color=#1ae680", 40))
              .toList();
      List<Future<float[]>> together =
          options.stream().map(o -> threads.submit(() -> values(pipeline, o))).toList();
      for (int i = 0; i < options.size(); i++) {
        assertThat(together.get(i).get()).isEqualTo(values(pipeline, options.get(i)));
      }
    } finally {
      threads.shutdown();
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  private static float[] values(DiffusionPipeline pipeline, SamplingOptions options) {
    try (Scope scope = Scope.open()) {
      return pipeline.sample(options, Sampler.Listener.NONE).toFloats();
    }
  }

  @Test
  void anInterruptedThreadStopsBeforeItsNextStep() {
    List<Integer> taken = new ArrayList<>();
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(Golden.path("pipeline/tiny"))) {
      long loaded = Scope.liveTensors();
      assertThrows(
          CancellationException.class,
          () ->
              pipeline.sample(
                  ddim(1, 5),
                  (step, x) -> {
                    taken.add(step.index());
                    Thread.currentThread().interrupt();
                  }));
      assertThat(taken).containsExactly(0);
      assertThat(Scope.liveTensors()).isEqualTo(loaded);
    } finally {
      assertThat(Thread.interrupted()).isTrue();
    }
  }

  @Test
  void aWeakStartStaysNearItsPicture() throws IOException {
    Path file = temporary.resolve("red.png");
    BufferedImage red = new BufferedImage(16, 16, BufferedImage.TYPE_INT_RGB);
    for (int i = 0; i < 256; i++) {
      red.setRGB(i % 16, i / 16, 0xff0000);
    }
    Png.write(file, red);
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(Golden.path("pipeline/tiny"))) {
      List<Integer> steps = new ArrayList<>();
      List<BufferedImage> weak =
          pipeline.draw(ddim(2, 20).withPicture(file, 0.05), (step, x) -> steps.add(step.index()));
      assertThat(steps).containsExactly(19);
      assertThat(shareOff(weak.get(0), red)).isLessThan(1);
      assertThat(meanOff(weak.get(1), red)).isLessThan(40);
      assertThat(meanOff(pipeline.draw(ddim(1, 20).withPicture(file, 1)).get(0), red))
          .isGreaterThan(60);
    }
  }

  @Test
  void decodedPicturesDrawWhatTheirFilesDraw() {
    Path picture = Golden.path("sd_picture_16x24.png");
    Path mask = Golden.path("sd_mask_16x24.png");
    Pixels decoded = PictureReader.read(picture);
    SamplingOptions options = ddim(1, 5);
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(Golden.path("pipeline/tiny"))) {
      assertThat(png(pipeline, options.withPicture(decoded).withStrength(0.5)))
          .isEqualTo(png(pipeline, options.withPicture(picture, 0.5)));
      byte[] completed = png(pipeline, options.withInpainting(decoded, PictureReader.read(mask)));
      assertThat(completed).isEqualTo(png(pipeline, options.withInpainting(picture, mask)));
      assertThat(completed).isNotEqualTo(png(pipeline, options));
    }
  }

  private static byte[] png(DiffusionPipeline pipeline, SamplingOptions options) {
    return Png.encode(pipeline.draw(options).get(0));
  }

  @Test
  void newSeedsDiffer() {
    SamplingOptions options = SamplingOptions.defaults();
    Set<Long> seeds =
        LongStream.range(0, 20)
            .map(i -> options.withNewSeed().seed())
            .boxed()
            .collect(Collectors.toSet());
    assertThat(seeds.size()).isAtLeast(19);
    assertThat(Collections.min(seeds)).isAtLeast(0L);
    assertThat(Collections.max(seeds)).isLessThan(1L << 32);
  }

  private static double meanOff(BufferedImage a, BufferedImage b) {
    int[] left = samples(a.getRaster());
    int[] right = samples(b.getRaster());
    return IntStream.range(0, left.length)
        .mapToDouble(i -> Math.abs(left[i] - right[i]))
        .average()
        .orElseThrow();
  }

  @Test
  void eachPipelineComputesInItsOwnPrecision() {
    try (DiffusionPipeline one = DiffusionPipeline.load(Golden.path("pipeline/tiny"));
        DiffusionPipeline other = DiffusionPipeline.load(Golden.path("pipeline/tiny"))) {
      float[] before = values(one, ddim(1, 5));
      other.precision(Precision.BF16);
      assertThat(values(one, ddim(1, 5))).isEqualTo(before);
      assertThat(values(other, ddim(1, 5))).isNotEqualTo(before);
    }
  }

  @Test
  void whatIsLeftOpenIsTheModelsToDecide() {
    try (DiffusionPipeline pipeline = DiffusionPipeline.load(Golden.path("pipeline/tiny"))) {
      int trained = pipeline.scheduler().numTrainTimesteps();
      SamplingOptions open = SamplingOptions.defaults();
      SamplingOptions completed = pipeline.completed(open.withScheduler(SchedulerKind.DDPM));
      assertThat(completed.steps().getAsInt()).isEqualTo(trained);
      assertThat(completed.height().getAsInt()).isEqualTo(16);
      assertThat(completed.batchSize().getAsInt()).isEqualTo(256);
      assertThat(pipeline.completed(open.withScheduler(SchedulerKind.LCM)).steps().getAsInt())
          .isEqualTo(4);
      assertThat(pipeline.completed(open.withScheduler(SchedulerKind.EULER)).steps().getAsInt())
          .isEqualTo(Math.min(50, trained));
      assertThat(pipeline.completed(open.withSteps(7)).steps().getAsInt()).isEqualTo(7);
    }
  }

  @Test
  void refusesASizeThatTheNetworkCannotHalve() {
    try (PixelPipeline pipeline = PixelPipeline.load(Golden.path("pipeline/tiny"))) {
      SfumatoException e =
          assertThrows(SfumatoException.class, () -> pipeline.draw(ddim(1, 2).withSize(15, 16)));
      assertThat(e).hasMessageThat().contains("15 x 16");
    }
  }

  // ---- a golden case

  private static JsonNode goldenCase(String name) {
    return StreamSupport.stream(GOLDEN.document().get("cases").spliterator(), false)
        .filter(c -> c.get("name").textValue().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** For guidance, that the last of the 11 labels means "no class" has to be said. */
  private Path directory(JsonNode golden) throws IOException {
    Path directory = Golden.path("pipeline/" + golden.get("model").textValue());
    if (!golden.get("options").has("guidance_scale")) {
      return directory;
    }
    try (Stream<Path> tree = Files.walk(directory)) {
      for (Path file : tree.toList()) {
        Path copy = temporary.resolve(directory.relativize(file).toString());
        if (!Files.isDirectory(copy)) {
          Files.copy(file, copy);
        }
      }
    }
    JsonFile.write(
        temporary.resolve("class_conditioning/config.json"),
        new ClassConditioning(ClassConditioning.Type.EMBEDDING, 10, 0));
    return temporary;
  }

  private static Tensor sample(Path directory, JsonNode golden, int batchSize) {
    JsonNode o = golden.get("options");
    try (PixelPipeline pipeline = PixelPipeline.load(directory)) {
      long[] labels =
          StreamSupport.stream(o.path("labels").spliterator(), false)
              .mapToLong(JsonNode::longValue)
              .toArray();
      return pipeline.sample(
          SamplingOptions.defaults()
              .withCount(o.get("count").intValue())
              .withSteps(o.get("steps").intValue())
              .withBatchSize(batchSize)
              .withLabels(labels)
              .withScheduler(SchedulerKind.parse(o.get("scheduler").textValue()))
              .withGuidanceScale(o.path("guidance_scale").asDouble(1))
              .withRun(RunOptions.defaults().withEta(o.path("eta").asDouble(0)))
              .withSeed(o.get("seed").longValue()),
          Sampler.Listener.NONE);
    }
  }

  private static SamplingOptions ddim(int count, int steps) {
    return SamplingOptions.defaults()
        .withCount(count)
        .withSteps(steps)
        .withScheduler(SchedulerKind.DDIM);
  }

  @Test
  void aSizeOfManyPixelsIsDrawnOneAtATime() {
    SamplingOptions huge = SamplingOptions.defaults().withSize(1 << 16, 1 << 16);
    assertThat(huge.completed(SchedulerConfig.ddpmDefaults(), List.of()).batchSize()).hasValue(1);
  }
}
