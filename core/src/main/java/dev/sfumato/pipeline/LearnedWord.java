package dev.sfumato.pipeline;

import dev.sfumato.InvalidOptionException;
import dev.sfumato.tensor.Safetensors;
import dev.sfumato.tensor.Scope;
import dev.sfumato.tensor.Tensor;
import java.nio.file.Path;
import java.util.ArrayList;
import java.util.LinkedHashMap;
import java.util.List;
import java.util.Map;

/**
 * A word whose vectors a text-to-image model learns while all its weights stay as they are (textual
 * inversion; Gal et al., 2022, arXiv 2208.01618). {@link StableDiffusionPipeline#newWord} makes it.
 */
public final class LearnedWord implements AutoCloseable {
  private final String token;
  private final List<TextEncoder> encoders;
  private final boolean xl;
  private final Runnable removal;

  /**
   * @param removal takes the word out of the prompts
   */
  LearnedWord(String token, List<TextEncoder> encoders, boolean xl, Runnable removal) {
    this.token = token;
    this.encoders = encoders;
    this.xl = xl;
    this.removal = removal;
  }

  /** Returns the start of a new word for each encoder, in the current scope. */
  static List<Tensor> start(List<TextEncoder> encoders, String token, String like, int vectors) {
    if (vectors < 1) {
      throw new InvalidOptionException("`vectors` must be at least 1, but is " + vectors);
    }
    List<Tensor> start = new ArrayList<>();
    for (TextEncoder encoder : encoders) {
      List<Integer> known = encoder.tokenizer().tokenize(token);
      if (known.size() < 2 || token.matches(".*\\s.*")) {
        throw new InvalidOptionException(
            "`placeholderToken` '"
                + token
                + "' is a word that the model knows already, or more than one: choose a new one such"
                + " as <"
                + token.replaceAll("\\W", "")
                + "-mine>");
      }
      List<Integer> tokens = encoder.tokenizer().tokenize(like);
      if (tokens.size() != 1) {
        throw new InvalidOptionException(
            "`initializerToken` '"
                + like
                + "' has "
                + tokens.size()
                + " tokens: name one short word that is near to what is learned");
      }
      Tensor vector = encoder.model().tokenVector(tokens.get(0));
      start.add(vector.expand(vectors, vector.size(1)).copy());
    }
    return start;
  }

  /** Returns the word in prompts. */
  public String token() {
    return token;
  }

  /**
   * Writes the vectors as diffusers does: {@code learned_embeds.safetensors} with {@code (N,
   * width)} under the word's name; for Stable Diffusion XL under {@code clip_l} and {@code clip_g},
   * with the word in the header.
   *
   * @param file its name ends in {@code .safetensors}
   */
  public void save(Path file) {
    try (Scope scope = Scope.open()) {
      Map<String, Tensor> vectors = new LinkedHashMap<>();
      for (int i = 0; i < encoders.size(); i++) {
        boolean second = i == encoders.size() - 1;
        String name = !xl ? token : second ? TextualInversion.SECOND : TextualInversion.FIRST;
        vectors.put(name, encoders.get(i).model().learnedTokens().orElseThrow().detach());
      }
      Safetensors.write(file, vectors, Map.of("format", "pt", TextualInversion.TOKEN, token));
    }
  }

  /** Removes the word from the model, which then is as it was before. */
  @Override
  public void close() {
    removal.run();
    encoders.forEach(encoder -> encoder.model().forgetTokens());
  }
}
