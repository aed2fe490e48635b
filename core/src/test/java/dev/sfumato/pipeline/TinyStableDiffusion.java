package dev.sfumato.pipeline;

import com.fasterxml.jackson.databind.JsonNode;
import dev.sfumato.io.AtomicFile;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.AutoencoderKL;
import dev.sfumato.model.AutoencoderKLConfig;
import dev.sfumato.model.AutoencoderTiny;
import dev.sfumato.model.AutoencoderTinyConfig;
import dev.sfumato.model.UNet2DConditionConfig;
import dev.sfumato.model.UNet2DConditionModel;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.MildWeights;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.stream.Stream;
import java.util.stream.StreamSupport;

/** Writes the small models of {@code reference/stable_diffusion_pipelines.py} as directories. */
public final class TinyStableDiffusion {
  public static final Golden GOLDEN = Golden.read("stable_diffusion_pipelines");
  private static final Map<String, String> METADATA = Map.of("format", "pt");

  private TinyStableDiffusion() {}

  /** The entry {@code name} of a list in the golden document. */
  static JsonNode entry(String list, String name) {
    return StreamSupport.stream(GOLDEN.document().get(list).spliterator(), false)
        .filter(c -> c.get("name").textValue().equals(name))
        .findFirst()
        .orElseThrow();
  }

  /** Writes the model of a family and returns {@code directory}. */
  public static Path write(Path directory, String family) {
    return write(directory, entry("families", family));
  }

  /** Writes the model that {@code document} describes and returns {@code directory}. */
  public static Path write(Path directory, JsonNode document) {
    try (Scope scope = Scope.open()) {
      network(
          directory.resolve("unet"),
          new UNet2DConditionModel(config(document.get("unet"), UNet2DConditionConfig.class)),
          document.get("unet"));
      network(
          directory.resolve("vae"),
          new AutoencoderKL(config(document.get("vae"), AutoencoderKLConfig.class)),
          document.get("vae"));
      Map<String, Object> index = new LinkedHashMap<>();
      index.put("_class_name", document.get("class").textValue());
      index.put("unet", List.of("diffusers", "UNet2DConditionModel"));
      index.put("vae", List.of("diffusers", "AutoencoderKL"));
      for (String suffix : List.of("", "_2")) {
        if (document.has("text_encoder" + suffix)) {
          text(directory, suffix, document);
          index.put("text_encoder" + suffix, List.of("transformers", "CLIPTextModel"));
          index.put("tokenizer" + suffix, List.of("transformers", "CLIPTokenizer"));
        }
      }
      document.get("keys").properties().forEach(key -> index.put(key.getKey(), key.getValue()));
      index.put("safety_checker", Arrays.asList(null, null));
      JsonFile.write(
          directory.resolve("scheduler/scheduler_config.json"), document.get("scheduler"));
      JsonFile.write(directory.resolve("model_index.json"), index);
    }
    return directory;
  }

  /** Writes the model {@code sd1} with the checker of {@code reference/safety_checker.py}. */
  @SuppressWarnings("unchecked")
  public static Path writeChecked(Path directory) {
    write(directory, "sd1");
    for (String file :
        List.of(
            "safety_checker/config.json",
            "safety_checker/model.safetensors",
            "feature_extractor/preprocessor_config.json")) {
      copy(Golden.path("safety_checker/" + file), directory.resolve(file));
    }
    Path index = directory.resolve("model_index.json");
    Map<String, Object> named = JsonFile.read(index, Map.class);
    named.put("safety_checker", List.of("stable_diffusion", "StableDiffusionSafetyChecker"));
    named.put("feature_extractor", List.of("transformers", "CLIPImageProcessor"));
    JsonFile.write(index, named);
    return directory;
  }

  /** Writes an AutoencoderTiny and returns {@code directory}. */
  public static Path writeTiny(Path directory, JsonNode document) {
    try (Scope scope = Scope.open()) {
      network(
          directory, new AutoencoderTiny(config(document, AutoencoderTinyConfig.class)), document);
    }
    return directory;
  }

  private static <T> T config(JsonNode document, Class<T> type) {
    return JsonFile.MAPPER.convertValue(document.get("config"), type);
  }

  private static void network(Path folder, Module network, JsonNode document) {
    try (network) {
      Map<String, Tensor> weights =
          MildWeights.like(network.parameters(), document.get("seed").longValue());
      JsonFile.write(folder.resolve("config.json"), document.get("config"));
      Safetensors.write(folder.resolve("diffusion_pytorch_model.safetensors"), weights, METADATA);
    }
  }

  private static void text(Path directory, String suffix, JsonNode document) {
    JsonNode encoder = document.get("text_encoder" + suffix);
    Map<String, long[]> shapes = new TreeMap<>();
    encoder
        .get("parameters")
        .properties()
        .forEach(
            e ->
                shapes.put(
                    e.getKey(),
                    StreamSupport.stream(e.getValue().spliterator(), false)
                        .mapToLong(JsonNode::longValue)
                        .toArray()));
    Path folder = directory.resolve("text_encoder" + suffix);
    JsonFile.write(folder.resolve("config.json"), encoder.get("config"));
    Safetensors.write(
        folder.resolve("model.safetensors"),
        MildWeights.of(shapes, encoder.get("seed").longValue()),
        METADATA);
    Path tokenizer = directory.resolve("tokenizer" + suffix);
    JsonFile.write(tokenizer.resolve("tokenizer_config.json"), document.get("tokenizer" + suffix));
    Stream.of("vocab.json", "merges.txt")
        .forEach(file -> copy(Golden.path("sd_tokenizer/" + file), tokenizer.resolve(file)));
  }

  private static void copy(Path from, Path to) {
    try {
      AtomicFile.createDirectories(to.getParent());
      Files.copy(from, to);
    } catch (IOException e) {
      throw new AssertionError(e);
    }
  }
}
