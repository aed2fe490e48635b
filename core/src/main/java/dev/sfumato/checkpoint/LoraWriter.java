package dev.sfumato.checkpoint;

import dev.sfumato.io.JsonFile;
import dev.sfumato.nn.Adapter;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.TreeMap;

/**
 * Writes LoRA files.
 *
 * @param layers all of one rank and alpha
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

  /** The settings of PEFT's LoraConfig for each network: without them readers take alpha for r. */
  private Map<String, String> diffusersHeader() {
    Map<String, Object> settings = new TreeMap<>();
    for (LoraLayers.Layer layer : layers) {
      String part = layer.target().part();
      settings.put(part + ".r", layer.adapter().rank());
      settings.put(part + ".lora_alpha", alpha(layer.adapter()));
      settings.put(part + ".target_modules", targets(part));
    }
    return Map.of("format", "pt", "lora_adapter_metadata", JsonFile.line(settings));
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
    Adapter first = layers.get(0).adapter();
    return Map.of(
        "format",
        "pt",
        "ss_network_module",
        "networks.lora",
        "ss_network_dim",
        String.valueOf(first.rank()),
        "ss_network_alpha",
        String.format(Locale.ROOT, "%s", alpha(first)),
        "ss_base_model_version",
        baseVersion,
        "ss_v2",
        baseVersion.startsWith("sd_v2") ? "True" : "False");
  }
}
