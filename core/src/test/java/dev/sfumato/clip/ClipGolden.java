package dev.sfumato.clip;

import com.fasterxml.jackson.databind.JsonNode;
import com.fasterxml.jackson.databind.ObjectMapper;
import com.fasterxml.jackson.databind.node.ObjectNode;
import dev.sfumato.io.JsonFile;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Golden;
import dev.sfumato.tensor.Rng;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Tensor;
import java.io.IOException;
import java.io.OutputStream;
import java.nio.charset.StandardCharsets;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.zip.CRC32;
import java.util.zip.ZipEntry;
import java.util.zip.ZipOutputStream;

/** The models of {@code reference/clip.py}, whose weights are drawn from a seed. */
final class ClipGolden {
  static final Golden NETWORKS = Golden.read("clip/networks");

  private ClipGolden() {}

  static List<String> names() {
    return NETWORKS.document().get("cases").findValuesAsText("name");
  }

  static JsonNode of(String name) {
    for (JsonNode golden : NETWORKS.document().get("cases")) {
      if (golden.get("name").asText().equals(name)) {
        return golden;
      }
    }
    throw new AssertionError(name);
  }

  /** The pictures that a model was shown: (count, 3, side, side). */
  static Tensor images(JsonNode golden, long count, long side) {
    try (Rng rng = new Rng(golden.get("seed").asLong())) {
      return rng.normal(count, 3, side, side);
    }
  }

  /** The weights by Python's names. */
  static Map<String, Tensor> weights(JsonNode golden) {
    Map<String, Tensor> weights = new TreeMap<>();
    Map<String, JsonNode> shapes = new TreeMap<>();
    golden.get("shapes").properties().forEach(e -> shapes.put(e.getKey(), e.getValue()));
    try (Rng rng = new Rng(golden.get("seed").asLong())) {
      shapes.forEach(
          (name, sizes) -> {
            long[] shape = new ObjectMapper().convertValue(sizes, long[].class);
            weights.put(name, weight(name, rng.normal(shape)));
          });
    }
    return weights;
  }

  private static Tensor weight(String name, Tensor drawn) {
    if (name.endsWith("running_var")) {
      return drawn.mul(0.1).square().add(0.5);
    }
    if (name.endsWith("num_batches_tracked")) {
      return drawn.to(DType.INT64);
    }
    if (drawn.dim() == 1) {
      return name.endsWith("weight") ? drawn.mul(0.1).add(1) : drawn.mul(0.1);
    }
    return drawn.dim() == 0 ? drawn : drawn.div(Math.sqrt((double) drawn.numel() / drawn.size(0)));
  }

  /** Writes a model as Python would have saved it, and says where. */
  static Path write(JsonNode golden, Path folder) throws IOException {
    Map<String, Tensor> weights = weights(golden);
    switch (golden.get("layout").asText()) {
      case "open_clip" -> {
        // open_clip takes its own vocabulary, which is too large for such a small model.
        ((ObjectNode) golden.at("/config/text_cfg")).put("hf_tokenizer_name", "here");
        JsonFile.write(
            folder.resolve("open_clip_config.json"),
            Map.of("model_cfg", golden.get("config"), "preprocess_cfg", Map.of()));
        Safetensors.write(folder.resolve("open_clip_model.safetensors"), weights, Map.of());
        writeTokenizer(folder, golden.at("/config/text_cfg/vocab_size").asInt());
      }
      case "transformers" -> {
        JsonFile.write(folder.resolve("config.json"), golden.get("config"));
        Safetensors.write(folder.resolve("model.safetensors"), weights, Map.of());
        for (String file : List.of("vocab.json", "merges.txt")) {
          Files.copy(Golden.path("clip/tokenizer/" + file), folder.resolve(file));
        }
      }
      default -> {
        return writeScript(golden, weights, folder.resolve("model.pt"));
      }
    }
    return folder;
  }

  /** A tokenizer that knows begin and end only. */
  private static void writeTokenizer(Path folder, int size) throws IOException {
    JsonFile.write(
        folder.resolve("vocab.json"),
        Map.of("<|startoftext|>", size - 2, "<|endoftext|>", size - 1));
    Files.writeString(folder.resolve("merges.txt"), "#version: 0.2\n");
  }

  /** A TorchScript archive: Python's pickle and the elements in half precision. */
  private static Path writeScript(JsonNode golden, Map<String, Tensor> weights, Path file)
      throws IOException {
    Map<String, byte[]> entries = new LinkedHashMap<>();
    entries.put("m/data.pkl", Files.readAllBytes(Golden.path("clip/script.pkl")));
    entries.put("m/code/__torch__/open_clip/model.py", "raise".getBytes(StandardCharsets.US_ASCII));
    entries.put("m/constants.pkl", new byte[0]);
    golden
        .get("storages")
        .properties()
        .forEach(
            storage ->
                entries.put(
                    "m/data/" + storage.getValue().asText(),
                    halves(weights.get(storage.getKey()))));
    try (OutputStream out = Files.newOutputStream(file);
        ZipOutputStream zip = new ZipOutputStream(out)) {
      for (Map.Entry<String, byte[]> content : entries.entrySet()) {
        CRC32 sum = new CRC32();
        sum.update(content.getValue());
        ZipEntry entry = new ZipEntry(content.getKey());
        entry.setMethod(ZipEntry.STORED);
        entry.setSize(content.getValue().length);
        entry.setCrc(sum.getValue());
        zip.putNextEntry(entry);
        zip.write(content.getValue());
      }
    }
    return file;
  }

  /** In half precision; what is no weight is the mask (7, 7). */
  private static byte[] halves(Tensor weight) {
    return weight == null ? new byte[2 * 7 * 7] : weight.to(DType.FLOAT16).toBytes();
  }
}
