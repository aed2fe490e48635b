package dev.sfumato.cli;

import dev.sfumato.SfumatoException;
import dev.sfumato.io.AtomicFile;
import java.io.IOException;
import java.io.InputStream;
import java.nio.file.Path;
import java.util.List;

/** Folders inside the program: the models, and some digits to train on. */
enum EmbeddedFiles {
  MNIST(
      "models/mnist",
      "model_index.json",
      "scheduler/scheduler_config.json",
      "unet/config.json",
      "unet/diffusion_pytorch_model.safetensors",
      "class_conditioning/config.json",
      "class_conditioning/model.safetensors"),
  CARTOONS(
      "models/cartoons",
      "model_index.json",
      "scheduler/scheduler_config.json",
      "unet/config.json",
      "unet/diffusion_pytorch_model.safetensors"),
  FACES_FROM_TEXTS(
      "models/faces-sd",
      "model_index.json",
      "scheduler/scheduler_config.json",
      "text_encoder/config.json",
      "text_encoder/model.safetensors",
      "tokenizer/merges.txt",
      "tokenizer/tokenizer_config.json",
      "tokenizer/vocab.json",
      "unet/config.json",
      "unet/diffusion_pytorch_model.safetensors",
      "vae/config.json",
      "vae/diffusion_pytorch_model.safetensors"),
  CLIP(
      "models/clip-faces",
      "open_clip_config.json",
      "open_clip_model.safetensors",
      "tokenizer_config.json",
      "vocab.json",
      "merges.txt"),
  DIGITS(
      "digits",
      "train-images-idx3-ubyte.gz",
      "train-labels-idx1-ubyte.gz",
      "t10k-images-idx3-ubyte.gz",
      "t10k-labels-idx1-ubyte.gz");

  private final String folder;
  private final List<String> files;

  EmbeddedFiles(String folder, String... files) {
    this.folder = folder;
    this.files = List.of(files);
  }

  /** Copies all files into {@code target} and returns it. */
  Path copyTo(Path target) {
    for (String file : files) {
      try (InputStream in = EmbeddedFiles.class.getResourceAsStream(folder + "/" + file)) {
        if (in == null) {
          throw new SfumatoException("this build of Sfumato lacks " + folder + "/" + file);
        }
        AtomicFile.write(target.resolve(file), in.readAllBytes());
      } catch (IOException e) {
        throw new SfumatoException(folder + "/" + file + ": cannot be read: " + e.getMessage(), e);
      }
    }
    return target;
  }
}
