"""The jobs that no pipeline declares: process_data, replay_dead_letters, generate_report, send_emails; their config."""
