package dev.sfumato.hub;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import dev.sfumato.SfumatoException;
import java.util.ArrayList;
import java.util.List;
import java.util.function.Function;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;
import org.junit.jupiter.params.provider.ValueSource;

class ModelFilesTest {
  private static final String PIPELINE =
      "README.md model_index.json unet/config.json scheduler/scheduler_config.json ";
  private static final String W = "diffusion_pytorch_model";

  @ParameterizedTest
  @CsvSource({
    W + ".safetensors " + W + ".bin " + W + ".fp16.safetensors, " + W + ".safetensors",
    W + ".bin " + W + ".fp16.safetensors, " + W + ".bin",
    W + ".fp16.safetensors " + W + ".msgpack, " + W + ".fp16.safetensors"
  })
  void takesWeightsOnce(String weights, String chosen) {
    List<String> files = names(PIPELINE + "unet/" + weights.replace(" ", " unet/"));
    assertThat(ModelFiles.pipeline(files))
        .containsExactly(
            "unet/config.json",
            "unet/" + chosen,
            "model_index.json",
            "scheduler/scheduler_config.json");
  }

  @Test
  void takesTheOtherNetworksAndTokenizersOfATextToImageModel() {
    List<String> needed =
        names(
            "unet/config.json unet/"
                + W
                + ".safetensors model_index.json scheduler/scheduler_config.json vae/config.json vae/"
                + W
                + ".bin text_encoder/config.json text_encoder/model.safetensors"
                + " text_encoder_2/config.json text_encoder_2/pytorch_model.bin"
                + " tokenizer/vocab.json tokenizer/merges.txt tokenizer_2/tokenizer.json"
                + " safety_checker/config.json safety_checker/model.safetensors"
                + " feature_extractor/preprocessor_config.json");
    List<String> others =
        names(
            "text_encoder/pytorch_model.bin text_encoder/model.fp16.safetensors"
                + " safety_checker/pytorch_model.bin v1-5-pruned.ckpt tokenizer/flax.msgpack vae/"
                + W
                + ".fp16.bin");
    List<String> all = new ArrayList<>(others);
    all.addAll(needed);
    assertThat(ModelFiles.pipeline(all)).containsExactlyElementsIn(needed);
  }

  @ParameterizedTest
  @ValueSource(strings = {"vae", "vqvae"})
  void refusesLatentModelsBeforeADownload(String folder) {
    List<String> files = names(PIPELINE + "unet/" + W + ".bin " + folder + "/config.json");
    assertThat(assertThrows(SfumatoException.class, () -> ModelFiles.pipeline(files)))
        .hasMessageThat()
        .startsWith("has a " + folder + ", which is not supported");
  }

  @ParameterizedTest
  @CsvSource({
    ".safetensors.index.json, -00001-of-00002.safetensors -00002-of-00002.safetensors,"
        + " .fp16-00001-of-00002.safetensors -00001-of-00002.bin .bin.index.json .fp16.safetensors",
    ".safetensors.index.fp16.json, .fp16-00001-of-00002.safetensors .fp16-00002-of-00002.safetensors,"
        + " .msgpack",
    ".bin.index.json, -00001-of-00002.bin -00002-of-00002.bin, .fp16.bin",
  })
  void takesTheFilesOfAnIndex(String index, String shards, String others) {
    Function<String, List<String>> files =
        endings -> names(("unet/" + W + endings).replace(" ", " unet/" + W));
    List<String> all = new ArrayList<>(names(PIPELINE));
    List.of(index, shards, others).forEach(endings -> all.addAll(files.apply(endings)));
    assertThat(ModelFiles.pipeline(all)).containsAtLeastElementsIn(files.apply(shards));
    assertThat(ModelFiles.pipeline(all)).contains("unet/" + W + index);
    assertThat(ModelFiles.pipeline(all)).containsNoneIn(files.apply(others));
  }

  @ParameterizedTest
  @CsvSource({
    PIPELINE
        + "unet/"
        + W
        + ".bin vae/"
        + W
        + ".bin class_conditioning/config.json"
        + " class_conditioning/model.safetensors config.json,"
        + " unet/config.json unet/"
        + W
        + ".bin model_index.json scheduler/scheduler_config.json"
        + " class_conditioning/config.json class_conditioning/model.safetensors",
    "README.md config.json model_index.json scheduler_config.json sample.png "
        + W
        + ".bin,"
        + " config.json "
        + W
        + ".bin model_index.json scheduler_config.json"
  })
  void knowsTheLayoutsOfPipelines(String files, String chosen) {
    assertThat(ModelFiles.pipeline(names(files))).containsExactlyElementsIn(names(chosen));
  }

  @ParameterizedTest
  @CsvSource({
    "README.md, unet/config.json",
    "unet/config.json scheduler/scheduler_config.json, unet/" + W + ".safetensors",
    "unet/config.json unet/" + W + ".bin, scheduler/scheduler_config.json",
    "config.json, " + W + ".safetensors"
  })
  void namesWhatAPipelineLacks(String files, String missing) {
    assertThat(
            assertThrows(FileChoice.Missing.class, () -> ModelFiles.pipeline(names(files)))
                .getMessage())
        .isEqualTo(missing);
  }

  @ParameterizedTest
  @CsvSource({
    "config.json pytorch_model.bin model.safetensors tf_model.h5 vocab.json merges.txt,"
        + " config.json model.safetensors vocab.json merges.txt",
    "config.json pytorch_model.bin open_clip_config.json open_clip_model.safetensors tokenizer.json,"
        + " open_clip_config.json open_clip_model.safetensors tokenizer.json",
    "config.json pytorch_model.bin tokenizer.json, config.json pytorch_model.bin tokenizer.json"
  })
  void knowsTheLayoutsOfClip(String files, String chosen) {
    assertThat(ModelFiles.clip(names(files))).containsExactlyElementsIn(names(chosen));
  }

  @ParameterizedTest
  @CsvSource({
    "README.md data/train-0.parquet data/b.png, data/train-0.parquet",
    "README.md a/1.PNG b/2.jpeg metadata.jsonl c.zip x.txt, a/1.PNG b/2.jpeg metadata.jsonl c.zip"
  })
  void knowsTheLayoutsOfDataSets(String files, String chosen) {
    assertThat(ModelFiles.dataset(names(files))).containsExactlyElementsIn(names(chosen));
  }

  private static List<String> names(String text) {
    return List.of(text.strip().split(" +"));
  }

  /** As in ByteDance/Hyper-SD and ByteDance/SDXL-Lightning. */
  @Test
  void ofSeveralLorasOneIsToBeDownloaded() {
    List<String> files = List.of("README.md", "4steps-lora.safetensors", "8steps-lora.safetensors");
    FileChoice.Missing e = assertThrows(FileChoice.Missing.class, () -> ModelFiles.lora(files));
    assertThat(e)
        .hasMessageThat()
        .isEqualTo(
            "pytorch_lora_weights.safetensors but 2 others, such as 4steps-lora.safetensors:"
                + " download the one you want and give its path");
  }
}
