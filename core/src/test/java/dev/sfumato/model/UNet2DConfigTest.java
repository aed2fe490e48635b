package dev.sfumato.model;

import static com.google.common.truth.Truth.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.core.JsonProcessingException;
import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.tensor.Golden;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.List;
import java.util.Map;
import java.util.Optional;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class UNet2DConfigTest {
  @Test
  void missingKeysHaveTheDefaultsOfDiffusers() {
    UNet2DConfig config = UNet2DConfig.of(Map.of());
    assertThat(config.blockOutChannels()).containsExactly(224, 448, 672, 896).inOrder();
    assertThat(config.attentionHeadDim()).hasValue(8);
    assertThat(config.normNumGroups()).hasValue(32);
    assertThat(config.midBlockType()).hasValue("UNetMidBlock2D");
    assertThat(config.timeChannels()).isEqualTo(896);
    assertThat(config.multiple()).isEqualTo(8);
    assertThat(config.numClassEmbeds()).isEmpty();
  }

  @Test
  void nullIsNotTheSameAsMissing() {
    UNet2DConfig config =
        read("{\"attention_head_dim\": null, \"mid_block_type\": null, \"sample_size\": null}");
    assertThat(config.attentionHeadDim()).isEqualTo(Optional.empty());
    assertThat(config.midBlockType()).isEqualTo(Optional.empty());
    assertThat(config.sampleSize()).isEmpty();
    assertThat(config.toJson()).containsEntry("attention_head_dim", null);
  }

  @Test
  void configurationsAreWrittenAsTheyWereRead() {
    for (JsonNode golden : Golden.read("unet").document().get("cases")) {
      ObjectNode json = golden.get("config").deepCopy();
      json.put("_name_or_path", "somewhere").putNull("unknown_to_us");
      json.putArray("list_unknown_to_us").add(1).add("two");
      UNet2DConfig config = JsonFile.MAPPER.convertValue(json, UNet2DConfig.class);
      assertThat(JsonFile.MAPPER.<JsonNode>valueToTree(config)).isEqualTo(json);
    }
  }

  @Test
  void keysAreSortedAndTheClassIsNamed() {
    assertThat(UNet2DConfig.of(Map.of()).toJson().keySet()).isInOrder();
    assertThat(UNet2DConfig.of(Map.of()).toJson()).containsEntry("_class_name", "UNet2DModel");
  }

  @Test
  void aFileThatIsWrongIsNamedWithItsKey(@TempDir Path folder) throws IOException {
    Path file = Files.writeString(folder.resolve("config.json"), "{\"in_channels\": \"three\"}");
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> JsonFile.read(file, UNet2DConfig.class));
    assertThat(e.getMessage()).contains("config.json");
    assertThat(e.getMessage()).contains("in_channels must be a whole number, not three");
    assertThat(e.getMessage()).doesNotContain("\n");
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      quoteCharacter = '`',
      value = {
        "in_channels | 0 | in_channels must be at least 1, not 0",
        "in_channels | null | in_channels must be a whole number, not null",
        "layers_per_block | 1.5 | layers_per_block must be a whole number, not 1.5",
        "flip_sin_to_cos | 1 | flip_sin_to_cos must be true or false, not 1",
        "sample_size | [1, 2, 3] | sample_size must be one number or [height, width]",
        "block_out_channels | [8] | down_block_types has 2 entries, but block_out_channels has 1",
        "block_out_channels | [8, \"x\"] | block_out_channels must be a list of whole numbers",
        "up_block_types | [\"UpBlock2D\"] | up_block_types has 1 entries",
        "up_block_types | [\"UpBlock2D\", \"Up\"] | 'Up' is unknown: use UpBlock2D, AttnUpBlock2D",
        "mid_block_type | \"Mid\" | mid_block_type 'Mid' is unknown: use UNetMidBlock2D",
        "downsample_type | \"avg\" | downsample_type 'avg' is unknown: use conv, resnet",
        "downsample_padding | 2 | downsample_padding must be 0 or 1, not 2",
        "act_fn | \"tanh\" | act_fn 'tanh' is unknown",
        "dropout | 1 | dropout must be from 0 to below 1, not 1.0",
        "attention_head_dim | 17 | attention_head_dim 17 is more than the 16 channels",
        "norm_num_groups | null | norm_num_groups must be a number with DownBlock2D and UpBlock2D",
        "norm_num_groups | 3 | norm_num_groups 3 does not divide the 8 channels of a level",
        "attn_norm_num_groups | 5 | attn_norm_num_groups 5 does not divide the 16 channels",
        "resnet_time_scale_shift | \"spatial\" | resnet_time_scale_shift 'spatial' is unknown",
        "time_embedding_type | \"learned\" | num_train_timesteps is missing",
        "class_embed_type | \"projection\" | class_embed_type 'projection' is unknown",
        "norm_eps | 0 | norm_eps must be above 0, not 0.0",
        "norm_eps | -1e-5 | norm_eps must be above 0",
        "norm_eps | 1e-60 | norm_eps must be above 0",
        "norm_eps | NaN | norm_eps must be a number, not NaN",
        "norm_eps | Infinity | norm_eps must be a number, not Infinity",
        "mid_block_scale_factor | 0 | mid_block_scale_factor must be above 0",
        "mid_block_scale_factor | 1e300 | mid_block_scale_factor must be above 0",
        "freq_shift | 4 | freq_shift must be below 4, half of the first block_out_channels",
        "freq_shift | -Infinity | freq_shift must be a number",
        "dropout | NaN | dropout must be a number",
        "layers_per_block | 20000 | layers_per_block must be at most 100, not 20000",
        "block_out_channels | [8, 2000000000] | block_out_channels must be at most 65536",
        "sample_size | 100000 | sample_size must be at most 8192",
        "in_channels | 100000 | in_channels must be at most 65536",
        "time_embedding_dim | 100000000 | time_embedding_dim must be at most",
        "num_class_embeds | 2000000000 | num_class_embeds must be at most",
        "_class_name | \"UNet2DConditionModel\" | only UNet2DModel is known",
      })
  void whatIsNotPossibleIsNamed(String key, String value, String message) {
    UNet2DConfig small = small();
    SfumatoException e = assertThrows(SfumatoException.class, () -> small.with(key, parse(value)));
    assertThat(e.getMessage()).contains(message);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = '|',
      value = {
        "1 | 3 | SkipDownBlock2D,DownBlock2D | UpBlock2D,UpBlock2D | in_channels is 1",
        "3 | 1 | DownBlock2D,DownBlock2D | SkipUpBlock2D,SkipUpBlock2D | out_channels is 1",
        "3 | 3 | DownBlock2D,DownBlock2D | SkipUpBlock2D,UpBlock2D | UpBlock2D cannot follow",
      })
  void skipBlocksNeedAPictureToCarry(int in, int out, String down, String up, String message) {
    Map<String, Object> json = small().toJson();
    json.put("in_channels", in);
    json.put("out_channels", out);
    json.put("down_block_types", Arrays.asList(down.split(",")));
    json.put("up_block_types", Arrays.asList(up.split(",")));
    SfumatoException e = assertThrows(SfumatoException.class, () -> UNet2DConfig.of(json));
    assertThat(e.getMessage()).contains(message);
  }

  @Test
  void picturesThatCannotBeHalvedAreRefused() {
    UNet2DConfig config = UNet2DConfig.of(Map.of());
    config.requireDivisible(64, 8);
    SfumatoException e =
        assertThrows(SfumatoException.class, () -> config.requireDivisible(64, 28));
    assertThat(e.getMessage())
        .isEqualTo(
            "a picture of 64 x 28 pixels does not fit the U-Net, which halves it 3 times: "
                + "height and width must be multiples of 8");
  }

  private static UNet2DConfig small() {
    return UNet2DConfig.of(
        Map.of(
            "block_out_channels", List.of(8, 16),
            "down_block_types", List.of("DownBlock2D", "AttnDownBlock2D"),
            "up_block_types", List.of("AttnUpBlock2D", "UpBlock2D"),
            "norm_num_groups", 4));
  }

  private static UNet2DConfig read(String json) {
    return JsonFile.MAPPER.convertValue(parse(json), UNet2DConfig.class);
  }

  private static Object parse(String json) {
    try {
      return JsonFile.MAPPER.readValue(json, Object.class);
    } catch (JsonProcessingException e) {
      throw new AssertionError(e);
    }
  }
}
