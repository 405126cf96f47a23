import './theme';
