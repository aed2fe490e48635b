package dev.sfumato.pipeline;

import dev.sfumato.Printable;
import dev.sfumato.SfumatoException;
import dev.sfumato.checkpoint.FileSummary;
import dev.sfumato.io.GitLfs;
import dev.sfumato.io.JsonFile;
import dev.sfumato.model.ClassConditioning;
import dev.sfumato.model.UNet2DConfig;
import dev.sfumato.nn.Module;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import dev.sfumato.tensor.TensorInfo;
import dev.sfumato.tensor.TorchCheckpoint;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.stream.Collectors;
import java.util.stream.Stream;

/** Describes a model directory or a tensor file as text. */
public final class Inspection {
  private Inspection() {}

  /**
   * Describes {@code path}, whose weights must fit its configuration.
   *
   * @throws SfumatoException naming the file that is missing or damaged, or the tensor with NaN
   */
  public static String of(Path path) {
    if (Files.isDirectory(path)) {
      return model(path);
    }
    GitLfs.requireContent(path);
    if (!Files.exists(path)) {
      throw new SfumatoException(path + ": there is no such file or directory");
    }
    String summary =
        FileSummary.of(path).entrySet().stream()
            .map(fact -> row(fact.getKey(), fact.getValue()) + "\n")
            .collect(Collectors.joining());
    return summary
        + (path.toString().endsWith(".safetensors") ? safetensors(path) : checkpoint(path));
  }

  private static String model(Path directory) {
    if (StableDiffusionPipeline.isIn(directory)) {
      return textToImage(directory);
    }
    return learned(directory).map(Inspection::of).orElseGet(() -> pixels(directory));
  }

  /** Returns the LoRA or the word in the directory of a run, or the LoRA in one of PEFT. */
  private static Optional<Path> learned(Path directory) {
    return Stream.of(
            "pytorch_lora_weights.safetensors",
            "adapter_model.safetensors",
            "learned_embeds.safetensors",
            directory.toAbsolutePath().normalize().getFileName() + ".safetensors") // kohya's form
        .map(directory::resolve)
        .filter(Files::exists)
        .findFirst();
  }

  private static String textToImage(Path directory) {
    try (StableDiffusionPipeline pipeline = StableDiffusionPipeline.load(directory)) {
      List<String> lines = new ArrayList<>();
      lines.add(row("kind", "text to image, " + pipeline.className()));
      pipeline.networks().forEach((name, network) -> lines.add(row(name, parameters(network))));
      lines.add(
          row(
              "pictures",
              pipeline.pictureSize() + " pixels, latents of 1/" + pipeline.space().scale()));
      lines.add(row("scheduler", pipeline.scheduler().className()));
      lines.add(row("predicts", pipeline.scheduler().predictionType().toString()));
      return lines.stream().collect(Collectors.joining("\n", "", "\n"));
    }
  }

  private static String pixels(Path directory) {
    try (PixelPipeline pipeline = PixelPipeline.load(directory)) {
      UNet2DConfig unet = pipeline.denoiser().config();
      ClassConditioning conditioning = pipeline.denoiser().conditioning();
      List<String> lines = new ArrayList<>();
      lines.add(row("U-Net", parameters(pipeline.denoiser())));
      lines.add(
          row(
              "pictures",
              unet.sampleSize() + " pixels, " + pipeline.denoiser().channels() + " channels"));
      lines.add(
          row("levels", unet.blockOutChannels() + ", " + unet.layersPerBlock() + " layers each"));
      lines.add(row("down", String.join(", ", unet.downBlockTypes())));
      lines.add(row("up", String.join(", ", unet.upBlockTypes())));
      lines.add(row("classes", classes(conditioning)));
      lines.add(row("scheduler", pipeline.scheduler().className()));
      lines.add(
          row(
              "noise",
              pipeline.scheduler().betaSchedule()
                  + ", "
                  + pipeline.scheduler().numTrainTimesteps()
                  + " timesteps"));
      lines.add(row("predicts", pipeline.scheduler().predictionType().toString()));
      return lines.stream().collect(Collectors.joining("\n", "", "\n"));
    }
  }

  private static String parameters(Module network) {
    long count = network.parameters().values().stream().mapToLong(Tensor::numel).sum();
    return String.format(Locale.ROOT, "%,d parameters", count);
  }

  private static String classes(ClassConditioning conditioning) {
    return conditioning.type() == ClassConditioning.Type.NONE
        ? "none"
        : conditioning.numClasses()
            + " by "
            + conditioning.type()
            + (conditioning.classNames().isEmpty() ? "" : ": " + conditioning.namesInShort());
  }

  private static String row(String name, String value) {
    return String.format(Locale.ROOT, "%-10s %s", name, Printable.shortened(value));
  }

  private static String safetensors(Path file) {
    Safetensors opened = Safetensors.open(file);
    for (String name : opened.names()) {
      try (Scope scope = Scope.open()) {
        requireNumbers(file, name, opened.tensor(name));
      }
    }
    String metadata =
        opened.metadata().isEmpty() ? "" : "metadata " + json(opened.metadata()) + "\n";
    return metadata + table(opened.describe());
  }

  private static String json(Map<String, String> metadata) {
    Map<String, String> shown = new LinkedHashMap<>();
    metadata.forEach((key, text) -> shown.put(Printable.shortened(key), Printable.shortened(text)));
    return JsonFile.MAPPER.valueToTree(shown).toString();
  }

  private static String checkpoint(Path file) {
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> tensors = TorchCheckpoint.read(file);
      tensors.forEach((name, tensor) -> requireNumbers(file, name, tensor));
      return table(
          tensors.entrySet().stream()
              .map(
                  e ->
                      new TensorInfo(
                          e.getKey(),
                          e.getValue().dtype(),
                          Arrays.stream(e.getValue().shape()).boxed().toList(),
                          e.getValue().numel() * e.getValue().dtype().bytes()))
              .toList());
    }
  }

  /** Refuses NaN; infinity is usual in masks. */
  private static void requireNumbers(Path file, String name, Tensor tensor) {
    try (Scope scope = Scope.open()) {
      if (!tensor.isFinite()
          && !tensor.to(DType.FLOAT32).clamp(-Float.MAX_VALUE, Float.MAX_VALUE).isFinite()) {
        throw new SfumatoException(
            file + ": the tensor " + Printable.shortened(name) + " holds NaN: the file is damaged");
      }
    }
  }

  private static String table(List<TensorInfo> tensors) {
    int width =
        tensors.stream().mapToInt(t -> Printable.shortened(t.name()).length()).max().orElse(0);
    long bytes = tensors.stream().mapToLong(TensorInfo::bytes).sum();
    String rows =
        tensors.stream()
            .map(
                t ->
                    String.format(
                        Locale.ROOT,
                        "%-" + Math.max(1, width) + "s  %-5s %s%n",
                        Printable.shortened(t.name()),
                        t.dtype().code(),
                        t.shape()))
            .collect(Collectors.joining());
    return rows
        + String.format(
            Locale.ROOT,
            "%d tensor%s, %,d bytes%n",
            tensors.size(),
            tensors.size() == 1 ? "" : "s",
            bytes);
  }
}
