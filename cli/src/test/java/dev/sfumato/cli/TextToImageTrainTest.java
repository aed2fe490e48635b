package dev.sfumato.cli;

import static com.google.common.truth.Truth.assertThat;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.io.JsonFile;
import dev.sfumato.pipeline.TinyStableDiffusion;
import java.awt.image.BufferedImage;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import javax.imageio.ImageIO;
import org.junit.jupiter.api.BeforeAll;
import org.junit.jupiter.api.BeforeEach;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;

/** {@code train} with captions. */
class TextToImageTrainTest {
  private static final String UNET =
      """
      {
        "_class_name": "UNet2DConditionModel",
        "sample_size": 8,
        "block_out_channels": [8, 16],
        "down_block_types": ["DownBlock2D", "CrossAttnDownBlock2D"],
        "up_block_types": ["CrossAttnUpBlock2D", "UpBlock2D"],
        "layers_per_block": 1,
        "attention_head_dim": 2,
        "norm_num_groups": 4
      }
      """;

  @TempDir static Path shared;
  @TempDir Path folder;
  private static Path parts;
  private Path data;
  private Path output;

  @BeforeAll
  static void writeTheParts() {
    parts = TinyStableDiffusion.write(shared.resolve("parts"), "sd1");
  }

  @BeforeEach
  void writeCaptionedPictures() throws IOException {
    output = folder.resolve("run");
    data = Calls.pictures(folder.resolve("data"), 4);
    List<String> lines = new ArrayList<>();
    for (Path file : Calls.files(data)) {
      lines.add("{\"file_name\": \"%s\", \"text\": \"a red rose\"}".formatted(file));
    }
    Files.write(data.resolve("metadata.jsonl"), lines);
    Files.writeString(folder.resolve("unet.json"), UNET);
  }

  private Calls.Result train(String more, Object... places) {
    List<String> args =
        Calls.words(
            "train --data %s --output %s --batch-size 2 --sample-steps 2 --log csv", data, output);
    args.addAll(Calls.words(more, places));
    return Calls.run(args);
  }

  private Calls.Result fromParts(String more, Object... places) {
    List<Object> all = new ArrayList<>(List.of(folder.resolve("unet.json"), parts, parts));
    all.addAll(List.of(places));
    return train("--config %s --vae %s --text-encoder %s " + more, all.toArray());
  }

  @Test
  void aNewModelDrawsAndGoesOn() {
    fromParts(
            "--max-steps 2 --sample-count 2 --validation-prompt %s --validation-prompt %s",
            "roses, red", "cats")
        .succeeds();
    train("--max-steps 3 --resume").succeeds();
    JsonNode config = Calls.settings(output);
    assertThat(config.get("validation_prompt").toString()).isEqualTo("[\"roses, red\",\"cats\"]");
    assertThat(config.get("cache_latents").textValue()).isEqualTo("memory");
    JsonNode unet = JsonFile.read(output.resolve("unet/config.json"), JsonNode.class);
    assertThat(unet.get("cross_attention_dim").intValue()).isEqualTo(32); // of the text encoder
    Calls.run(
            "sample --model %s --prompt %s --steps 2 --out %s",
            output, "a cat", folder.resolve("cat.png"))
        .succeeds();
  }

  /** The U-Net had lost its five channels for the mask without a word. */
  @Test
  void aNewModelReadsMasksIfItsConfigSaysSo() throws IOException {
    String masks = UNET.replace("\"sample_size\"", "\"in_channels\": 9, \"sample_size\"");
    Files.writeString(folder.resolve("unet.json"), masks);
    fromParts("--max-steps 1 --sample-count 1").succeeds();
    JsonNode unet = JsonFile.read(output.resolve("unet/config.json"), JsonNode.class);
    assertThat(unet.get("in_channels").intValue()).isEqualTo(9);
    JsonNode index = JsonFile.read(output.resolve("model_index.json"), JsonNode.class);
    assertThat(index.get("_class_name").textValue()).isEqualTo("StableDiffusionInpaintPipeline");
  }

  @Test
  void whatAModelOfTextsLacksIsNamed() throws IOException {
    train("--config %s --vae %s", folder.resolve("unet.json"), parts)
        .failsWith(2, "--text-encoder");
    train("--vae %s --text-encoder %s", parts, parts).failsWith(2, "--config");
    train("--vae %s --text-encoder %s --config mnist", parts, parts)
        .failsWith(1, "UNet2DConditionModel");
    train("--config %s", folder.resolve("unet.json")).failsWith(1, "--vae");
    Files.delete(data.resolve("metadata.jsonl"));
    fromParts("--max-steps 1").failsWith(1, ".txt file beside each picture");
    fromParts("--max-steps 1").failsWith(1, "--instance-prompt");
    String rows = String.join("", Calls.files(data).stream().map(f -> f + ",a rose\n").toList());
    Files.writeString(data.resolve("metadata.csv"), "file_name,title\n" + rows);
    fromParts("--max-steps 1").failsWith(1, "the column title with --caption-column");
    fromParts("--max-steps 1 --sample-count 1 --instance-prompt %s", "a rose").succeeds();
  }

  @Test
  void bucketsAreKeptWhenARunGoesOn() throws IOException {
    Files.delete(data.resolve("metadata.jsonl"));
    BufferedImage wide = new BufferedImage(40, 20, BufferedImage.TYPE_INT_RGB);
    ImageIO.write(wide, "png", data.resolve("wide.png").toFile());
    String call = "--instance-prompt %s --resolution 16 --sample-count 1 --max-steps ";
    assertThat(fromParts(call + 2, "a rose").succeeds().err()).contains("buckets: 2 (");
    JsonNode config = Calls.settings(output);
    assertThat(config.get("buckets").booleanValue()).isTrue();
    train("--max-steps 4 --resume --cache-latents disk --cache-dir %s", folder.resolve("cache"))
        .succeeds();
    config = Calls.settings(output);
    assertThat(config.get("buckets").booleanValue()).isTrue();
    assertThat(Files.isDirectory(folder.resolve("cache"))).isTrue();
  }
}
