package dev.sfumato.clip;

import static com.google.common.truth.Truth.assertThat;
import static dev.sfumato.tensor.TensorSubject.assertThat;
import static org.junit.jupiter.api.Assertions.assertThrows;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sfumato.SfumatoException;
import dev.sfumato.io.JsonFile;
import dev.sfumato.nn.Activation;
import dev.sfumato.picture.PictureReader;
import dev.sfumato.tensor.Functional;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import org.junit.jupiter.api.Test;
import org.junit.jupiter.api.io.TempDir;
import org.junit.jupiter.params.ParameterizedTest;
import org.junit.jupiter.params.provider.CsvSource;

class ClipModelTest {
  @TempDir private Path folder;

  private static ClipConfig small() {
    ClipConfig.Transformer blocks =
        new ClipConfig.Transformer(8, 1, 2, 24, Activation.QUICK_GELU, 1e-5);
    return new ClipConfig(
        6,
        new ClipConfig.Vit(16, 8, blocks, ClipConfig.ImagePool.MEAN, false, true),
        new ClipConfig.Text(9, 49408, blocks, true, ClipConfig.TextPool.LARGEST));
  }

  private Path saved() {
    Path directory = folder.resolve("saved");
    try (ClipNetwork network = new ClipNetwork(small());
        Rng rng = new Rng(1)) {
      network.reset(rng);
      ClipModel.save(network, ImagePreprocessing.openAi(16), directory);
    }
    return directory;
  }

  // ---- saving and scoring

  @Test
  void readsWhatItSaved() {
    long before = Scope.liveTensors();
    Path directory = saved();
    try (Scope scope = Scope.open();
        ClipModel clip = ClipModel.load(directory)) {
      assertThat(clip.network().config()).isEqualTo(small());
      assertThat(clip.preprocessing()).isEqualTo(ImagePreprocessing.openAi(16));
      assertThat(clip.logitScale()).isWithin(1e-4).of(1 / 0.07);
      Tensor texts = clip.encodeText(List.of("one", "two", "one"));
      assertThat(texts).hasShape(3, 6);
      assertThat(texts.square().sum().item()).isWithin(1e-5).of(3);
      assertThat(texts.select(0, 2)).isWithin(1e-6).of(texts.select(0, 0));
      Path again = folder.resolve("again");
      ClipModel.save(clip.network(), clip.preprocessing(), again);
      Map<String, Tensor> first = weights(directory);
      weights(again).forEach((name, w) -> assertThat(w).isIdenticalTo(first.get(name)));
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void savesATokenizerWithIt() {
    long before = Scope.liveTensors();
    ClipTokenizer tokenizer = ClipTokenizer.small(100);
    ClipConfig config =
        new ClipConfig(
            small().embedDim(),
            small().image(),
            new ClipConfig.Text(
                9,
                tokenizer.size(),
                small().text().transformer(),
                true,
                ClipConfig.TextPool.LARGEST));
    try (Scope scope = Scope.open();
        ClipNetwork network = new ClipNetwork(config);
        Rng rng = new Rng(1)) {
      network.reset(rng);
      ClipModel.save(network, tokenizer, ImagePreprocessing.openAi(16), folder);
      try (ClipModel clip = ClipModel.load(folder)) {
        Tensor direct = network.encodeText(tokenizer.encode(List.of("a rose"), 9));
        assertThat(clip.tokenizer().size()).isEqualTo(614);
        assertThat(clip.encodeText(List.of("a rose")))
            .isWithin(1e-6)
            .of(Functional.normalize(direct));
      }
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  private static Map<String, Tensor> weights(Path directory) {
    return Safetensors.open(directory.resolve("open_clip_model.safetensors")).tensors();
  }

  @Test
  void scoresPictures() {
    long before = Scope.liveTensors();
    Path picture = Golden.path("clip/picture.png");
    try (Scope scope = Scope.open();
        ClipModel clip = ClipModel.load(saved())) {
      List<String> texts = List.of("a cat", "a dog");
      ClipScores scores = ClipScores.of(clip, List.of(picture, picture), texts);
      assertThat(scores.similarity()[1]).isEqualTo(scores.similarity()[0]);
      float[] cosines = scores.similarity()[0];
      Tensor image = clip.encodeImage(clip.preprocess(List.of(PictureReader.read(picture))));
      assertThat(image.mul(clip.encodeText(List.of("a dog"))).sum().item())
          .isWithin(1e-5)
          .of(cosines[1]);
      double odds = Math.exp(clip.logitScale() * (cosines[0] - cosines[1]));
      assertThat(scores.probability()[0][0]).isWithin(1e-4f).of((float) (odds / (1 + odds)));
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  // ---- what is no model

  @Test
  void namesWhatIsNoModel() throws IOException {
    assertThat(refusal(folder.resolve("nothing"))).endsWith("there is no such CLIP model");
    assertThat(refusal(folder)).contains("is no CLIP model: expected config.json and model.safe");
    JsonFile.write(folder.resolve("config.json"), Map.of("model_type", "bert"));
    assertThat(refusal(folder)).endsWith("model_type 'bert' is no CLIP model: expected clip");
    JsonFile.write(folder.resolve("config.json"), Map.of("model_type", "clip"));
    assertThat(refusal(folder)).contains("has no tokenizer: expected tokenizer.json");
    for (String file : List.of("vocab.json", "merges.txt")) {
      Files.copy(Golden.path("clip/tokenizer/" + file), folder.resolve(file));
    }
    assertThat(refusal(folder)).contains("no weights: expected model.safetensors or pytorch_model");
    Path text = Files.writeString(folder.resolve("text.pt"), "text");
    assertThat(refusal(text)).contains("text.pt: is no PyTorch checkpoint");
    Path other = folder.resolve("other.safetensors");
    try (Scope scope = Scope.open()) {
      Safetensors.write(other, Map.of("weight", Tensor.zeros(3)), Map.of());
    }
    assertThat(refusal(other)).contains("is no CLIP model: it has no weight 'ln_final.weight'");
  }

  @Test
  void namesWeightsThatDoNotFit() throws IOException {
    Path directory = ClipGolden.write(ClipGolden.of("hf"), folder);
    long before = Scope.liveTensors();
    try (Scope scope = Scope.open()) {
      Path file = directory.resolve("model.safetensors");
      Map<String, Tensor> weights = new TreeMap<>(Safetensors.open(file).tensors());
      weights.put("logit_scales", Tensor.zeros(2));
      weights.put("visual_projection.weight", Tensor.zeros(10, 17));
      Safetensors.write(directory.resolve("model.safetensors"), weights, Map.of());
      assertThat(refusal(directory))
          .contains("unexpected logit_scales; wrong shape: visual.proj is [17, 10], expected [16");
      weights.remove("text_model.encoder.layers.1.self_attn.v_proj.bias");
      Safetensors.write(directory.resolve("model.safetensors"), weights, Map.of());
      assertThat(refusal(directory)).contains("has no tensor 'text_model.encoder.layers.1.self_a");
    }
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @Test
  void refusesATokenizerThatIsTooLarge() throws IOException {
    ObjectNode golden = ClipGolden.of("gelu").deepCopy();
    Path directory = ClipGolden.write(golden, folder);
    JsonNode config = JsonFile.read(directory.resolve("open_clip_config.json"), JsonNode.class);
    ((ObjectNode) config.at("/model_cfg/text_cfg")).remove("hf_tokenizer_name");
    JsonFile.write(directory.resolve("open_clip_config.json"), config);
    long before = Scope.liveTensors();
    assertThat(refusal(directory))
        .isEqualTo(
            "the tokenizer has 49408 tokens, but the model knows 40: the model needs its own"
                + " tokenizer");
    assertThat(Scope.liveTensors()).isEqualTo(before);
  }

  @ParameterizedTest
  @CsvSource(
      delimiter = ';',
      value = {
        "{'vision_cfg': {'ls_init_value': 0.1}}; vision_cfg.ls_init_value: 0.1 is not supported",
        "{'vision_cfg': {'attentional_pool': true}}; vision_cfg.attentional_pool: true",
        "{'vision_cfg': {'timm_model_name': 'vit'}}; vision_cfg.timm_model_name",
        "{'vision_cfg': {'pool_type': 'none'}}; vision_cfg.pool_type",
        "{'vision_cfg': {'image_size': [16, 24]}}; image_size must be one number, or two that are",
        "{'vision_cfg': {'head_width': 5}}; a width of 16 cannot be split into 3 attention heads",
        "{'vision_cfg': {'layers': [1, 2]}}; layers must be four numbers of blocks, not [1, 2]",
        "{'text_cfg': {'hf_model_name': 'bert'}}; text_cfg.hf_model_name",
        "{'text_cfg': {'embed_cls': true}}; text_cfg.embed_cls",
        "{'text_cfg': {'proj_type': 'none'}}; text_cfg.proj_type",
        "{'text_cfg': {'width': 'wide'}}; text_cfg.width must be a whole number, not wide",
        "{'text_cfg': {'context_length': 1}}; context_length must be at least 2, not 1",
        "{'multimodal_cfg': {'width': 5}}; multimodal_cfg",
        "{'embed_dim': null}; model_cfg.embed_dim is missing",
      })
  void namesOptionsOfOpenClipThatItLacks(String change, String expected) throws IOException {
    ObjectNode golden = ClipGolden.of("gelu").deepCopy();
    new ObjectMapper().readerForUpdating(golden.get("config")).readValue(change.replace('\'', '"'));
    // An update replaces whole objects, so the rest of them is put back.
    for (String part : List.of("vision_cfg", "text_cfg")) {
      ObjectNode merged = (ObjectNode) ClipGolden.of("gelu").at("/config/" + part).deepCopy();
      merged.setAll((ObjectNode) golden.at("/config/" + part));
      ((ObjectNode) golden.get("config")).set(part, merged);
    }
    assertThat(refusal(ClipGolden.write(golden, folder))).contains(expected);
  }

  private static String refusal(Path path) {
    long before = Scope.liveTensors();
    String message = assertThrows(SfumatoException.class, () -> ClipModel.load(path)).getMessage();
    assertThat(message.lines().count()).isEqualTo(1);
    assertThat(Scope.liveTensors()).isEqualTo(before);
    return message;
  }
}
