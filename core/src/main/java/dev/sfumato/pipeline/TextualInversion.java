package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import dev.sfumato.nn.Weights;
import dev.sfumato.tensor.DType;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Files;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.List;
import java.util.Locale;
import java.util.Map;
import java.util.Optional;
import java.util.Set;
import java.util.stream.Stream;

/**
 * A word that was learned as vectors (Gal et al., 2022, arXiv 2208.01618).
 *
 * @param token the word in prompts
 * @param vectors (N, width) for each text encoder
 * @param source the file, for error messages
 */
record TextualInversion(String token, List<Tensor> vectors, Path source) {
  static final String FIRST = "clip_l";
  static final String SECOND = "clip_g";

  /** Keys of files whose name is the word. */
  private static final Set<String> NAMELESS = Set.of("*", "emb_params");

  /** The entry of a file's header that names the word, since tensors of XL do not. */
  static final String TOKEN = "token";

  /** Returns the file of the word in a directory that textual inversion wrote. */
  private static Path in(Path directory) {
    return Stream.of("learned_embeds.safetensors", "learned_embeds.bin")
        .map(directory::resolve)
        .filter(Files::exists)
        .findFirst()
        .orElseThrow(() -> new SfumatoException(directory + ": has no learned_embeds.safetensors"));
  }

  /**
   * Reads a file of diffusers, of the common web interfaces, or of Stable Diffusion XL. The vectors
   * belong to the current scope.
   *
   * @param path the file, or a directory with one
   * @param token replaces the one in the file
   * @param xl whether the model is Stable Diffusion XL
   * @param encoders the number of its text encoders
   * @throws SfumatoException if it is damaged or for another kind of model
   */
  static TextualInversion read(Path path, Optional<String> token, boolean xl, int encoders) {
    Path file = Files.isDirectory(path) ? in(path) : path;
    Map<String, Tensor> tensors = Weights.of(file).tensors();
    boolean two = Set.of(FIRST, SECOND).containsAll(tensors.keySet());
    if (tensors.isEmpty() || !two && tensors.size() != 1) {
      throw new SfumatoException(
          file
              + ": is not a textual inversion: expected the vectors of one token, or clip_l and"
              + " clip_g");
    }
    if (two != xl) {
      throw new SfumatoException(
          file
              + (two
                  ? ": is for Stable Diffusion XL, and the model is not"
                  : ": is not for Stable Diffusion XL: it lacks clip_l and clip_g"));
    }
    String name = two ? "*" : tensors.keySet().iterator().next();
    List<Tensor> vectors = new ArrayList<>();
    List<String> keys = two ? List.of(FIRST, SECOND) : List.of(name);
    for (String key : keys.subList(keys.size() - encoders, keys.size())) {
      Tensor found = tensors.get(key);
      if (found == null || found.dim() < 1 || found.dim() > 2 || found.numel() == 0) {
        throw new SfumatoException(file + ": lacks the vectors of " + key);
      }
      vectors.add((found.dim() == 1 ? found.unsqueeze(0) : found).detach().to(DType.FLOAT32));
    }
    return new TextualInversion(
        token.or(() -> headed(file)).orElseGet(() -> NAMELESS.contains(name) ? stem(file) : name),
        vectors,
        file);
  }

  private static Optional<String> headed(Path file) {
    return file.toString().endsWith(".safetensors")
        ? Optional.ofNullable(Safetensors.open(file).metadata().get(TOKEN))
        : Optional.empty();
  }

  /**
   * Requires this word with this number of vectors.
   *
   * @throws SfumatoException naming what differs
   */
  void require(String word, int count) {
    long found = vectors.get(0).size(0);
    if (!token.equals(word) || found != count) {
      throw new SfumatoException(
          String.format(
              Locale.ROOT,
              "%s has the word '%s' of %d vectors, but `placeholderToken` is '%s' and `vectors` %d:"
                  + " go on with the same ones, or start anew in another `output`",
              source,
              token,
              found,
              word,
              count));
    }
  }

  private static String stem(Path file) {
    return file.getFileName().toString().replaceFirst("\\.[^.]*$", "");
  }

  /** Returns encoders that know the token; the networks of {@code encoders} are freed. */
  List<TextEncoder> into(List<TextEncoder> encoders) {
    try {
      for (int i = 0; i < encoders.size(); i++) {
        encoders.get(i).requireTakes(token, vectors.get(i));
      }
    } catch (SfumatoException e) {
      throw new SfumatoException(source + ": " + e.getMessage(), e);
    }
    List<TextEncoder> more = new ArrayList<>();
    for (int i = 0; i < encoders.size(); i++) {
      more.add(encoders.get(i).with(token, vectors.get(i)));
    }
    return more;
  }
}
