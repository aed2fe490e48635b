package dev.sfumato.cli;

import java.lang.System.Logger;
import java.lang.System.Logger.Level;
import java.lang.System.LoggerFinder;
import java.text.MessageFormat;
import java.util.Locale;
import java.util.ResourceBundle;

/**
 * Prints what the library logs on standard error: a line for people, with flags for properties. Of
 * several processes that train together only the first prints, since all find the same.
 */
public final class PrintedLog extends LoggerFinder {
  private static volatile boolean silent;

  /** Makes the log; Java finds it among its services. */
  public PrintedLog() {}

  /** Prints nothing from now on, unless this is the first of several processes. */
  static void ofFirstProcess() {
    silent = !System.getenv().getOrDefault("RANK", "0").equals("0");
  }

  @Override
  public Logger getLogger(String name, Module module) {
    return new Printer(name);
  }

  private record Printer(String name) implements Logger {
    @Override
    public String getName() {
      return name;
    }

    @Override
    public boolean isLoggable(Level level) {
      return !silent && level.getSeverity() >= Level.INFO.getSeverity() && level != Level.OFF;
    }

    @Override
    public void log(Level level, ResourceBundle bundle, String message, Throwable thrown) {
      if (isLoggable(level)) {
        System.err.println(level.getName().toLowerCase(Locale.ROOT) + ": " + inFlags(message));
        if (thrown != null) {
          thrown.printStackTrace();
        }
      }
    }

    @Override
    public void log(Level level, ResourceBundle bundle, String format, Object... values) {
      boolean filled = values != null && values.length > 0;
      String message = filled ? new MessageFormat(format, Locale.ROOT).format(values) : format;
      log(level, bundle, message, (Throwable) null);
    }

    private static String inFlags(String message) {
      return message.indexOf('`') < 0 ? message : OptionNames.inFlags(Sfumato.commands(), message);
    }
  }
}
