package dev.sfumato.pipeline;

import dev.sfumato.SfumatoException;
import dev.sfumato.tensor.Tensor;
import java.util.ArrayDeque;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.Deque;
import java.util.List;
import java.util.Optional;
import java.util.regex.Matcher;
import java.util.regex.Pattern;

/**
 * Prompts in the syntax of the web interface by AUTOMATIC1111. {@code (x)} multiplies the weight by
 * 1.1, {@code [x]} divides it by 1.1, {@code (x:1.3)} multiplies it by 1.3, a backslash makes a
 * bracket text, and {@code BREAK} begins a new chunk.
 */
final class A1111Prompt {
  private static final double EMPHASIS = 1.1;

  /** A chunk that is full is cut after a comma, if there is one among its last 20 tokens. */
  private static final int BACKTRACK = 20;

  private static final Pattern PIECES =
      Pattern.compile(
          "\\\\[()\\[\\]\\\\]|\\\\|[(\\[]|:\\s*([+-]?[.\\d]+)\\s*\\)|[)\\]]|[^\\\\()\\[\\]:]+|:");
  private static final Pattern BREAK = Pattern.compile("\\s*\\bBREAK\\b\\s*");

  /** The words between two breaks, in parts of different weight. */
  private final List<List<WeightedText>> sections = new ArrayList<>();

  private A1111Prompt() {}

  /**
   * Parses a prompt into the parts of each section.
   *
   * @throws SfumatoException if a weight is not a number
   */
  static List<List<WeightedText>> parse(String prompt) {
    A1111Prompt parsed = new A1111Prompt();
    List<Part> parts = parts(prompt);
    parsed.sections.add(new ArrayList<>());
    for (Part part : parts) {
      parsed.add(part);
    }
    return parsed.sections;
  }

  /** A part whose weight the brackets around it change; {@code text} is null for a break. */
  private static final class Part {
    private final String text;
    private double weight = 1;

    Part(String text) {
      this.text = text;
    }
  }

  private static List<Part> parts(String prompt) {
    List<Part> parts = new ArrayList<>();
    Deque<Integer> round = new ArrayDeque<>();
    Deque<Integer> square = new ArrayDeque<>();
    Matcher piece = PIECES.matcher(prompt);
    while (piece.find()) {
      String text = piece.group();
      if (text.startsWith("\\")) {
        parts.add(new Part(text.substring(1)));
      } else if (text.equals("(")) {
        round.push(parts.size());
      } else if (text.equals("[")) {
        square.push(parts.size());
      } else if (piece.group(1) != null && !round.isEmpty()) {
        multiply(parts, round.pop(), number(piece.group(1)));
      } else if (text.equals(")") && !round.isEmpty()) {
        multiply(parts, round.pop(), EMPHASIS);
      } else if (text.equals("]") && !square.isEmpty()) {
        multiply(parts, square.pop(), 1 / EMPHASIS);
      } else {
        addWords(parts, text);
      }
    }
    round.forEach(from -> multiply(parts, from, EMPHASIS));
    square.forEach(from -> multiply(parts, from, 1 / EMPHASIS));
    return parts;
  }

  private static double number(String text) {
    try {
      return Double.parseDouble(text);
    } catch (NumberFormatException e) {
      throw new SfumatoException("the weight '" + text + "' in the prompt is not a number", e);
    }
  }

  private static void multiply(List<Part> parts, int from, double factor) {
    parts.subList(from, parts.size()).forEach(part -> part.weight *= factor);
  }

  private static void addWords(List<Part> parts, String text) {
    String[] words = BREAK.split(text, -1);
    for (int i = 0; i < words.length; i++) {
      if (i > 0) {
        parts.add(new Part(null));
      }
      parts.add(new Part(words[i]));
    }
  }

  /** Adds a part to the current section, joined with the one before it if their weights agree. */
  private void add(Part part) {
    if (part.text == null) {
      sections.add(new ArrayList<>());
      return;
    }
    List<WeightedText> section = sections.get(sections.size() - 1);
    int last = section.size() - 1;
    if (last >= 0 && section.get(last).weight() == part.weight) {
      section.set(last, new WeightedText(section.get(last).text() + part.text, part.weight));
    } else {
      section.add(new WeightedText(part.text, part.weight));
    }
  }

  // ---- chunks

  /** A row of tokens without begin and end, and their weights. */
  record Chunk(List<Integer> tokens, List<Double> weights) {
    private Chunk() {
      this(new ArrayList<>(), new ArrayList<>());
    }

    /** Removes the tokens from {@code index} on and returns them. */
    private Chunk splitAt(int index) {
      List<Integer> lateTokens = tokens.subList(index, tokens.size());
      List<Double> lateWeights = weights.subList(index, weights.size());
      Chunk late = new Chunk(new ArrayList<>(lateTokens), new ArrayList<>(lateWeights));
      lateTokens.clear();
      lateWeights.clear();
      return late;
    }
  }

  /** Splits a prompt into chunks of at most {@code size} tokens; there is at least one. */
  static List<Chunk> chunks(String prompt, TextReader reader, int size) {
    int comma = reader.encoder().tokenizer().tokenize(",").get(0);
    List<Chunk> chunks = new ArrayList<>();
    List<List<WeightedText>> sections = parse(prompt);
    for (List<WeightedText> section : sections) {
      Chunk chunk = new Chunk();
      int lastComma = -1;
      for (WeightedText part : section) {
        for (int token : reader.encoder().tokenizer().tokenize(part.text())) {
          if (token == comma) {
            lastComma = chunk.tokens.size();
          } else if (chunk.tokens.size() == size
              && lastComma != -1
              && size - lastComma <= BACKTRACK) {
            Chunk next = chunk.splitAt(lastComma + 1);
            chunks.add(chunk);
            chunk = next;
            lastComma = -1;
          }
          if (chunk.tokens.size() == size) {
            chunks.add(chunk);
            chunk = new Chunk();
            lastComma = -1;
          }
          chunk.tokens.add(token);
          chunk.weights.add(part.weight());
        }
      }
      boolean last = section == sections.get(sections.size() - 1);
      if (!last || !chunk.tokens.isEmpty() || chunks.isEmpty()) {
        chunks.add(chunk);
      }
    }
    return chunks;
  }

  /**
   * Reads a prompt: the states of each chunk times the weights, scaled back to the chunk's mean.
   * The pooled text is that of the first chunk.
   */
  static TextReader.Reading read(String prompt, TextReader reader) {
    List<Tensor> states = new ArrayList<>();
    Optional<Tensor> pooled = Optional.empty();
    for (Chunk chunk : chunks(prompt, reader, reader.length() - 2)) {
      TextReader.Reading reading = reader.row(chunk.tokens);
      states.add(weighted(reading.tokens(), chunk.weights));
      pooled = pooled.isPresent() ? pooled : reading.pooled();
    }
    return new TextReader.Reading(Tensor.cat(states, 1), pooled);
  }

  private static Tensor weighted(Tensor states, List<Double> weights) {
    if (weights.stream().allMatch(weight -> weight == 1)) {
      return states;
    }
    float[] row = new float[(int) states.size(1)];
    Arrays.fill(row, 1);
    for (int i = 0; i < weights.size(); i++) {
      row[i + 1] = weights.get(i).floatValue(); // after the begin
    }
    Tensor product = states.mul(Tensor.of(row, 1, row.length, 1).to(states.device()));
    return product.mul(states.mean().item() / product.mean().item());
  }
}
