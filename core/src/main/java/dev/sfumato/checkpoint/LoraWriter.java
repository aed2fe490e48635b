package dev.sfumato.checkpoint;

import dev.sfumato.io.JsonFile;
import dev.sfumato.nn.Adapter;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Map;
import java.util.TreeMap;
import java.util.function.Function;

/**
 * Writes LoRA files.
 *
 * @param layers what is written, usually of one rank and alpha
 * @param baseVersion the kind of model, as kohya's scripts name it
 */
record LoraWriter(List<LoraLayers.Layer> layers, String baseVersion) {
  void write(Path file, LoraFormat format) {
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> tensors = new TreeMap<>();
      for (LoraLayers.Layer layer : layers) {
        put(tensors, layer, format);
      }
      Safetensors.write(
          file, tensors, format == LoraFormat.KOHYA ? kohyaHeader() : diffusersHeader());
    }
  }

  private void put(Map<String, Tensor> tensors, LoraLayers.Layer layer, LoraFormat format) {
    Adapter adapter = layer.adapter();
    Tensor down = adapter.down().detach();
    Tensor up = adapter.up().detach();
    long kernel = layer.target().kernel();
    if (kernel > 0) {
      down = down.reshape(down.size(0), -1, kernel, kernel);
      up = up.unsqueeze(2).unsqueeze(3);
    }
    if (format == LoraFormat.KOHYA) {
      String name = layer.target().kohya();
      tensors.put(name + ".lora_down.weight", down);
      tensors.put(name + ".lora_up.weight", up);
      tensors.put(name + ".alpha", Tensor.scalar(alpha(adapter)));
    } else {
      tensors.put(layer.target().name() + ".lora_A.weight", down);
      tensors.put(layer.target().name() + ".lora_B.weight", up);
    }
  }

  private static double alpha(Adapter adapter) {
    return adapter.rate() * adapter.rank();
  }

  /**
   * The settings of PEFT's LoraConfig for each network: without them readers take alpha for r. They
   * are those of its first layer, with a list of the layers that differ.
   */
  private Map<String, String> diffusersHeader() {
    Map<String, Object> settings = new TreeMap<>();
    for (LoraLayers.Layer layer : layers) {
      String part = layer.target().part();
      put(settings, part + ".r", part + ".rank_pattern", layer, layer.adapter().rank());
      put(settings, part + ".lora_alpha", part + ".alpha_pattern", layer, alpha(layer.adapter()));
      settings.put(part + ".target_modules", targets(part));
    }
    return Map.of("format", "pt", "lora_adapter_metadata", JsonFile.line(settings));
  }

  @SuppressWarnings("unchecked")
  private static void put(
      Map<String, Object> settings,
      String key,
      String pattern,
      LoraLayers.Layer layer,
      Object own) {
    if (!settings.computeIfAbsent(key, k -> own).equals(own)) {
      String name =
          layer.target().layer().replaceFirst("^text_model\\.", ""); // both spellings end so
      ((Map<String, Object>) settings.computeIfAbsent(pattern, k -> new TreeMap<>()))
          .put(name, own);
    }
  }

  /** Whole names or, as text encoders have two spellings of these, their ends. */
  private List<String> targets(String part) {
    return layers.stream()
        .map(LoraLayers.Layer::target)
        .filter(target -> target.part().equals(part))
        .map(LoraTargets.Target::layer)
        .map(name -> part.equals("unet") ? name : name.substring(name.lastIndexOf('.') + 1))
        .distinct()
        .sorted()
        .toList();
  }

  private Map<String, String> kohyaHeader() {
    return Map.of(
        "format",
        "pt",
        "ss_network_module",
        "networks.lora",
        "ss_network_dim",
        one(adapter -> String.valueOf(adapter.rank())),
        "ss_network_alpha",
        one(adapter -> String.valueOf(alpha(adapter))),
        "ss_base_model_version",
        baseVersion,
        "ss_v2",
        baseVersion.startsWith("sd_v2") ? "True" : "False");
  }

  /** Returns what all layers have, or else the word of kohya's scripts for layers that differ. */
  private String one(Function<Adapter, String> property) {
    List<String> all =
        layers.stream().map(LoraLayers.Layer::adapter).map(property).distinct().toList();
    return all.size() == 1 ? all.get(0) : "Dynamic";
  }
}
