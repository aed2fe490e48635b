package dev.sfumato.training;

import static com.google.common.truth.Truth.assertThat;
import static com.google.common.truth.Truth.assertWithMessage;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.node.IntNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import com.fasterxml.jackson.databind.node.TextNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.data.Batch;
import dev.sfumato.data.BatchOptions;
import dev.sfumato.data.BatchStream;
import dev.sfumato.data.Batches;
import dev.sfumato.data.DataOptions;
import dev.sfumato.data.Dataset;
import dev.sfumato.data.Datasets;
import dev.sfumato.data.Drawn;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.pipeline.StableDiffusionPipeline;
import dev.sfumato.pipeline.TinyStableDiffusion;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.io.UncheckedIOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.nio.file.StandardCopyOption;
import java.nio.file.attribute.FileTime;
import java.time.Duration;
import java.time.Instant;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

/** Encoded pictures and captions that are kept on the disk. */
class LatentCacheTest {
  private static final int PICTURES = 4;
  private static final int TEXTS = PICTURES + 1; // and the empty one

  @TempDir Path folder;
  private Path model;
  private Path data;
  private Path place;
  private int side = 16;

  @BeforeEach
  void write() throws IOException {
    model = TinyStableDiffusion.write(folder.resolve("model"), "sd1");
    data = folder.resolve("data");
    place = folder.resolve("cache");
    for (int i = 0; i < PICTURES; i++) {
      Drawn.captioned(data.resolve(i + ".png"), 24, 16, i);
    }
  }

  private List<Double> losses(LatentCache cache, boolean centered, BatchOptions.Tags tags) {
    DataOptions options = DataOptions.defaults().withResolution(side).withCenterCrop(centered);
    Dataset dataset = Datasets.open(data.toString(), options);
    BatchOptions order = new BatchOptions(2, true, false, 0).withTags(tags);
    Objective objective = Objective.defaults().withCaptionDropout(0.3);
    List<Double> losses = new ArrayList<>();
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model);
        Trainer trainer =
            new Trainer(
                new DenoisingLoss(pipeline, objective, cache),
                new Batches(dataset, order),
                TrainingOptions.defaults().withMaxSteps(8))) {
      while (trainer.hasNext()) {
        losses.add(trainer.step().loss());
      }
    }
    return losses;
  }

  private List<Double> losses(LatentCache cache) {
    return losses(cache, true, BatchOptions.Tags.AS_WRITTEN);
  }

  private LatentCache disk() {
    return LatentCache.disk(place);
  }

  private List<Path> files(String part) {
    if (!Files.exists(place)) {
      return List.of();
    }
    try (Stream<Path> all = Files.walk(place)) {
      return all.filter(Files::isRegularFile)
          .filter(file -> place.relativize(file).toString().startsWith(part))
          .toList();
    } catch (IOException e) {
      throw new UncheckedIOException(e);
    }
  }

  @Test
  void anotherRunReadsWhatTheFirstMade() {
    List<Double> none = losses(LatentCache.NONE);
    assertThat(losses(disk())).isEqualTo(none);
    assertThat(files("vae-")).hasSize(PICTURES);
    assertThat(files("text-")).hasSize(TEXTS);
    for (Path file : files("vae-")) { // other values, correctly written
      try (Scope scope = Scope.open()) {
        Tensor row = Safetensors.open(file).tensor("row").mul(3).add(1);
        new DiskRows(() -> file.getParent().getParent())
            .keep(file.getFileName().toString().replace(".safetensors", ""), RowStore.Row.of(row));
      }
    }
    assertThat(losses(disk())).isNotEqualTo(none);
  }

  /** Random masks hide another part each time. A picture that is hidden whole is always grey. */
  @Test
  void anInpaintingModelKeepsThePicturesAndOneGreyOne() {
    model = TinyStableDiffusion.write(folder.resolve("inpainting"), "sd1_masks");
    List<Double> none = losses(LatentCache.NONE);
    assertThat(losses(disk())).isEqualTo(none);
    assertThat(losses(disk())).isEqualTo(none);
    assertThat(files("vae-")).hasSize(PICTURES + 1);
  }

  @Test
  void damagedAndHalfWrittenFilesAreMadeAnew() throws IOException {
    List<Double> none = losses(disk());
    List<Path> files = files("");
    for (int i = 0; i < files.size(); i++) {
      byte[] bytes = Files.readAllBytes(files.get(i));
      if (i % 3 == 0) {
        Files.write(files.get(i), Arrays.copyOf(bytes, bytes.length / 2));
      } else if (i % 3 == 1) {
        bytes[bytes.length - 1] ^= 1; // a value, not the header
        Files.write(files.get(i), bytes);
      } else {
        Path aside = files.get(i).resolveSibling("." + i + ".incomplete");
        Files.move(files.get(i), aside);
        assertThat(AtomicFile.isLeftover(aside)).isTrue();
      }
    }
    assertThat(losses(disk())).isEqualTo(none);
    for (Path file : files) {
      try (Scope scope = Scope.open()) {
        assertWithMessage("%s", file)
            .that(Safetensors.open(file).tensor("row").isFinite())
            .isTrue();
      }
    }
    assertThat(losses(disk())).isEqualTo(none);
  }

  /** Other processes may be writing into the same folder. */
  @Test
  void onlyWhatWasLeftLongAgoIsDeleted() throws IOException {
    losses(disk());
    Path part = files("vae-").get(0).getParent();
    Path old = Files.writeString(part.resolve(".a.incomplete"), "half");
    Files.setLastModifiedTime(old, FileTime.from(Instant.now().minus(Duration.ofHours(2))));
    Path young = Files.writeString(part.resolve(".b.incomplete"), "half");
    losses(disk());
    assertThat(Files.exists(old)).isFalse();
    assertThat(Files.exists(young)).isTrue();
  }

  @Test
  void aChangedCropIsNoticed() {
    losses(disk());
    side = 8;
    assertThat(losses(disk())).isEqualTo(losses(LatentCache.NONE));
    assertThat(files("vae-")).hasSize(2 * PICTURES);
  }

  @Test
  void aChangedPictureOrCaptionIsNoticed() throws IOException {
    losses(disk());
    Drawn.picture(data.resolve("1.png"), 24, 16, 99);
    Files.writeString(data.resolve("2.txt"), "another text");
    assertThat(losses(disk())).isEqualTo(losses(LatentCache.NONE));
    assertThat(files("vae-")).hasSize(PICTURES + 1);
    assertThat(files("text-")).hasSize(TEXTS + 1);
  }

  @Test
  void anotherModelIsNotMistaken() {
    losses(disk());
    Path weights = model.resolve("vae/diffusion_pytorch_model.safetensors");
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> changed = new TreeMap<>(Safetensors.open(weights).tensors());
      changed.computeIfPresent("encoder.conv_in.bias", (name, bias) -> bias.add(0.5));
      Safetensors.write(weights, changed, Map.of("format", "pt"));
    }
    assertThat(losses(disk())).isEqualTo(losses(LatentCache.NONE));
    assertThat(files("vae-")).hasSize(2 * PICTURES);
    assertThat(files("text-")).hasSize(TEXTS);
  }

  /** Once, the weights alone named a model: a setting that was put right changed nothing. */
  @ParameterizedTest
  @CsvSource({
    "vae/config.json, norm_num_groups, 4",
    "text_encoder/config.json, hidden_act, gelu",
    "tokenizer/tokenizer_config.json, pad_token, !",
    "tokenizer/tokenizer_config.json, model_max_length, 12",
  })
  void anotherSettingIsNoticed(String file, String key, String value) {
    List<Double> before = losses(disk());
    Path place = model.resolve(file);
    ObjectNode settings = JsonFile.read(place, ObjectNode.class);
    boolean isNumber = value.matches("\\d+");
    settings.set(key, isNumber ? new IntNode(Integer.parseInt(value)) : new TextNode(value));
    JsonFile.write(place, settings);
    List<Double> after = losses(disk());
    assertThat(after).isNotEqualTo(before);
    assertThat(after).isEqualTo(losses(LatentCache.NONE));
  }

  @Test
  void whatHardlyComesAgainIsNotKept() throws IOException {
    for (int i = 0; i < PICTURES; i++) {
      Files.writeString(data.resolve(i + ".txt"), "a, b, c, d, e, f, g, " + i);
    }
    BatchOptions.Tags shuffled = new BatchOptions.Tags(true, 0);
    assertThat(losses(disk(), false, shuffled))
        .isEqualTo(losses(LatentCache.NONE, false, shuffled));
    assertThat(files("vae-")).isEmpty(); // each epoch takes another part of the pictures
    assertThat(files("text-").size()).isAtMost(TEXTS);
  }

  @Test
  void aDiskThatTakesNothingStopsNoRun() throws IOException {
    Files.writeString(place, "a file in the way");
    assertThat(losses(disk())).isEqualTo(losses(LatentCache.NONE));
  }

  @Test
  void anXlModelIsToldRealSizesAndCrops() throws IOException {
    model = TinyStableDiffusion.write(folder.resolve("xl"), "xl");
    assertThat(losses(disk())).isEqualTo(losses(LatentCache.NONE));
    assertThat(losses(disk())).isEqualTo(losses(LatentCache.NONE));
    DataOptions options = DataOptions.defaults().withResolution(16);
    Batches batches =
        new Batches(Datasets.open(data.toString(), options), new BatchOptions(1, false, false, 0));
    try (Scope scope = Scope.open();
        StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(model);
        BatchStream stream = batches.epoch(0).from(0)) {
      Batch batch = stream.next();
      int left = batch.crops().get(0).left();
      assertThat(left).isAtMost(8); // scaled to 24 x 16, of which 16 x 16 are taken
      Tensor sizes =
          new LatentTask(pipeline, disk()).condition(batch, new boolean[1]).sizes().orElseThrow();
      assertThat(sizes.toFloats()).isEqualTo(new float[] {16, 24, 0, left, 16, 16});
    }
  }

  @Test
  void aTextEncoderOfAnotherModelIsRefused() throws IOException {
    Path other = TinyStableDiffusion.write(folder.resolve("sd2"), "sd2");
    for (String file : List.of("config.json", "model.safetensors")) {
      Path name = Path.of("text_encoder", file);
      Files.copy(other.resolve(name), model.resolve(name), StandardCopyOption.REPLACE_EXISTING);
    }
    SfumatoException e = assertThrows(SfumatoException.class, () -> losses(LatentCache.MEMORY));
    assertThat(e).hasMessageThat().contains("states of 48 numbers, but the U-Net reads 32");
  }

  @Test
  void aUNetThatProjectsTheTextReadsTheWholeText() throws IOException {
    Path place = model.resolve("unet/config.json");
    UNet2DConditionConfig config =
        JsonFile.read(place, UNet2DConditionConfig.class)
            .with("encoder_hid_dim", 32)
            .with("encoder_hid_dim_type", "text_proj")
            .with("cross_attention_dim", 24);
    JsonFile.write(place, config);
    try (Rng random = new Rng(1);
        UNet2DConditionModel unet = new UNet2DConditionModel(config)) {
      unet.reset(random);
      Safetensors.write(
          model.resolve("unet/diffusion_pytorch_model.safetensors"), unet.parameters(), Map.of());
    }
    assertThat(losses(LatentCache.MEMORY)).hasSize(8);
  }
}
